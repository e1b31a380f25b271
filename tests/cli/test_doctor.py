"""`scrubjay doctor` explains a file in plain words, and what a person can do."""

import json
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from range_server import RangeServer

Doctor = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def doctor(run: Callable[..., "subprocess.CompletedProcess[str]"]) -> Doctor:
    """Run `scrubjay doctor`."""
    return partial(run, "doctor")


def _found(doctor: Doctor, *arguments: str | Path) -> dict[str, Any]:
    video: dict[str, Any] = json.loads(doctor(*arguments, "--json").stdout)["video"]
    return {each["topic"]: each for each in video["findings"]} | {"": video}


def test_a_whole_video_is_explained(doctor: Doctor, clip: Path) -> None:
    """Container, tracks, clock, shape, colour and damage each have a line."""
    done = doctor(clip)
    assert done.returncode == 0
    for topic in ("container", "tracks", "clock", "shape", "colour", "damage"):
        assert f"\n  {topic} " in done.stdout
    assert "damage      none" in done.stdout
    assert done.stdout.endswith("Scrubjay can make previews of this video.\n")


def test_what_is_turned_is_said(doctor: Doctor, media: Path) -> None:
    """What Scrubjay does about a turned picture, and about one that comes late, is said."""
    found = _found(doctor, media / "odd" / "s_rot90.mp4", "--no-decode")
    assert found["shape"]["done"] == "shows it as 720 x 1280 px"
    assert "earlier previews" in found["clock"]["done"]
    assert "damage" not in found


def test_a_remux_line_can_be_copied(doctor: Doctor, media: Path) -> None:
    """Advice is an exact command line."""
    advice = _found(doctor, media / "odd" / "no_duration.webm", "--no-decode")["container"][
        "advice"
    ]
    assert advice.endswith("ffmpeg -i no_duration.webm -c copy out.webm")


def test_a_private_address_is_refused(doctor: Doctor, clip: Path) -> None:
    """With `--no-private-addresses`, no server on this machine is connected to."""
    with RangeServer(clip.parent) as server:
        url = f"{server.url}/{clip.name}"
        done = doctor(url, "--no-decode", "--no-private-addresses")
        assert done.returncode == 3
        assert "private network" in done.stdout
        assert not server.requests


def test_damage_is_found(doctor: Doctor, media: Path) -> None:
    """What the decoder conceals is found by decoding, unless that is left out."""
    video = media / "reports" / "09_concealed_damage.mp4"
    assert "damaged packets: " in _found(doctor, video)["damage"]["found"]
    assert [doctor(video, flag).returncode for flag in ("--no-decode", "--strict")] == [0, 3]


@pytest.mark.parametrize(
    ("name", "topic", "words"),
    [
        ("reports/08_cenc_encrypted.mp4", "encryption", "scheme cenc"),
        ("bad/error_page.mp4", "container", "an HTML page"),
        ("odd/audio_only.mp4", "tracks", "only audio"),
        ("bad/bitflip_mdat_2000.mp4", "damage", "could only guess"),
    ],
)
def test_what_cannot_be_shown_is_explained(
    doctor: Doctor, media: Path, name: str, topic: str, words: str
) -> None:
    """A file without previews is explained too, and the exit code is 3."""
    assert doctor(media / name).returncode == 3
    found = _found(doctor, media / name)
    assert words in found[topic]["found"]
    assert found[""]["makes_previews"] is False


def test_the_machine_is_described(doctor: Doctor) -> None:
    """Without a file, what this machine brings along is said."""
    done = doctor()
    assert done.returncode == 0
    assert "Python 3" in done.stdout
    assert json.loads(doctor("--json").stdout)["video"] is None
