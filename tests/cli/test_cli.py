import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec
import pytest
from click.testing import CliRunner

from scrubjay.cli.exits import ExitCode
from scrubjay.cli.main import cli
from scrubjay.engines.processes import ProcessEngine
from scrubjay.events import Event, Failed, Finished, Planned, Probed, SliceStarted
from scrubjay.model import KINDS, Manifest, MediaInfo, Plan, Recipe, decode
from scrubjay.settings import Settings

SCRUBJAY = Path(sys.executable).with_name("scrubjay")
Run = Callable[..., "subprocess.CompletedProcess[str]"]

BAD = ["zero_bytes.mp4", "text.mp4", "one_byte.mp4", "playlist_lfi.mp4", "playlist_ssrf.mp4"]


def _events(output: str) -> list[Event]:
    return [decode(line.encode(), Event) for line in output.splitlines()]  # type: ignore[arg-type]


def _recipe_flags() -> Iterator[tuple[str, object]]:
    """Yield the option of each field of the recipe, by the rule in the manual, and its default."""
    for field in msgspec.structs.fields(Recipe):
        if field.name not in KINDS:
            default = field.default
            shown = ",".join(default) if isinstance(default, tuple) else default
            yield f"--{field.name.replace('_', '-')}", shown
            continue
        yield f"--{field.name}", "yes"
        yield f"--no-{field.name}", "yes"
        for part in msgspec.structs.fields(KINDS[field.name]):
            if part.name != "name":  # an option is for the only output of its kind
                yield f"--{field.name[:-1]}-{part.name.replace('_', '-')}", part.default


def test_help_names_every_verb(run: Run) -> None:
    """The first help lists each verb, and every verb has a help with examples."""
    listed = run("--help")
    assert listed.returncode == 0
    for verb in cli.commands:
        assert re.search(rf"^  {verb} ", listed.stdout, re.MULTILINE)
        shown = run(verb, "-h")
        assert shown.returncode == 0
        assert f"  scrubjay {verb} " in shown.stdout


_WITHOUT_ALL_SETTINGS = {"aws", "cluster", "prune", "publish", "simulate", "worker"}
"""Verbs that have only the settings that they use."""


@pytest.mark.parametrize("verb", ["make", "plan"])
def test_every_number_of_the_recipe_is_an_option(run: Run, verb: str) -> None:
    """Each field of the recipe has an option with its default."""
    text = run(verb, "--help", environ={"COLUMNS": "200"}).stdout
    for flag, default in _recipe_flags():
        found = re.search(rf"{flag}\b.*(?:\n {{10,}}.*)*", text)
        assert found, flag
        assert f"[default: {default}]" in " ".join(found[0].split())


@pytest.mark.parametrize("verb", sorted(set(cli.commands) - _WITHOUT_ALL_SETTINGS))
def test_every_setting_is_an_option(run: Run, verb: str) -> None:
    """Each setting has an option with its default, in every verb that makes something."""
    text = run(verb, "--help", environ={"COLUMNS": "200"}).stdout
    text = " ".join(text.split())  # however it is broken into lines
    for field in msgspec.structs.fields(Settings):
        flag = f"--{field.name.replace('_', '-')}"
        shown = "yes" if field.default is True else field.default
        default = rf" [^\[]*\[default: {shown}\]" if field.default else ""
        kind = f"/ --no-{flag[2:]}" if isinstance(field.default, bool) else r"(N|URL|[a-z|]+)"
        assert re.search(rf"{flag} {kind}{default}", text), flag


def test_prune_has_only_options_that_it_uses(run: Run) -> None:
    """`prune` starts no worker: of the settings it has those that open an address."""
    flags = set(re.findall(r"--[a-z-]+", run("prune", "--help").stdout))
    addresses = {"--endpoint", "--private-addresses", "--no-private-addresses"}
    assert flags == {"--keep-for", "--json", "--help"} | addresses


def test_help_is_grouped(run: Run) -> None:
    """The options of `make` come under headings, and a reader's terminal is not overrun."""
    text = run("make", "--help").stdout
    headings = re.findall(r"^(\w+):$", text, re.MULTILINE)
    pictures = ["Recipe", "Slices", "Animations", "Frames", "Sheets", "Outputs"]
    expected = ["Output", "Video", *pictures, "Running", "Limits", "Help"]
    assert [each for each in headings if each != "Examples"] == expected
    assert max(map(len, text.splitlines())) <= 100


def test_strict_is_an_exit_code(run: Run, media: Path, tmp_path: Path) -> None:
    """With `--strict`, a damaged video ends with exit code 3 and a sentence; no set is there."""
    video = str(media / "reports" / "09_concealed_damage.mp4")
    flags = ("--strict", "--no-animations", "--frame-width", "64")
    done = run("make", video, "-o", str(tmp_path / "set"), *flags)
    assert done.returncode == 3
    assert "09_concealed_damage.mp4 is damaged from 0:00" in done.stderr
    assert not (tmp_path / "set" / "manifest.json").exists()


def test_a_stream_is_chosen(run: Run, media: Path) -> None:
    """`--stream` takes another track than the one that browsers show."""
    video = str(media / "reports" / "04_two_tracks.mp4")
    assert "320 x 180 px" in run("probe", video).stdout
    assert "640 x 360 px" in run("probe", video, "--stream", "1").stdout
    assert run("probe", video, "--stream", "9").returncode == 3


def test_the_version_is_told(run_program: Run) -> None:
    """`--version` names the program and its version."""
    assert re.fullmatch(r"scrubjay \d+\.\d+\.\d+\S*\n", run_program("--version").stdout)


def _examples() -> list[str]:
    texts = [cli.epilog or "", *(command.epilog or "" for command in cli.commands.values())]
    found = (line.strip() for text in texts for line in text.splitlines())
    # what is at made-up addresses is shown, but cannot be run
    return sorted(
        line
        for line in set(found)
        if line.startswith("scrubjay ")
        and "://" not in line
        and not line.startswith(("scrubjay watch ", "scrubjay worker "))  # which never end
        and not line.startswith("scrubjay cluster ")  # tests/cluster has a database
        and not line.endswith("-o -")  # a picture, not text: tests/cli/test_excerpt.py
    )


@pytest.mark.usefixtures("movie")
@pytest.mark.parametrize("example", _examples())
def test_examples_in_the_help_work(run: Run, tmp_path: Path, example: str) -> None:
    """Every example can be copied, and does what it says."""
    toml = "slice_length = 6.5\nsheets = []\n\n[animations]\nwidth = 160\n"
    (tmp_path / "my.toml").write_text(toml)
    (tmp_path / "films").mkdir()
    (tmp_path / "films/movie.mp4").hardlink_to(tmp_path / "movie.mp4")
    _, verb, what, *_ = [*example.split(), ""]
    if verb in {"prune", "verify"}:
        assert run("make", "movie.mp4", "-o", what).returncode == 0
    if "--check" in example:
        assert run("make", "movie.mp4", "-o", example.rsplit(maxsplit=1)[-1]).returncode == 0
    if verb in {"slices", "publish"}:
        assert run("plan", "movie.mp4", "-o", what).returncode == 0
    if verb == "publish":
        assert run("slices", what, "--source", "movie.mp4", "--shard", "1/1").returncode == 0
    makes = verb in {"make", "prune", "verify", "publish"} or "--check" in example
    done = run(*example.split()[1:])
    assert (done.returncode, done.stdout != "") == (0, verb != "slices"), done.stderr
    assert bool(list(tmp_path.rglob("index.html"))) == makes


@pytest.mark.usefixtures("movie")
def test_piped_output_is_quiet(run_program: Run, tmp_path: Path) -> None:
    """Away from a terminal there is no progress: the page on stdout, one sentence on stderr."""
    done = run_program("make", "movie.mp4", "-o", "out")
    assert done.returncode == 0
    assert done.stdout == "out/index.html\n"
    assert re.fullmatch(r"Made 1 animation\S*, 12 stills, 1 sheet.* real time\)\.\n", done.stderr)
    again = run_program("make", "movie.mp4", "-o", "out")
    assert again.stdout == "out/index.html\n"
    assert re.fullmatch(r"Nothing to do.*\n", again.stderr)
    quiet = run_program("make", "movie.mp4", "-o", "out", "--quiet")
    assert quiet.stderr == ""
    assert (tmp_path / "out" / "index.html").exists()


def test_progress_is_shown_at_a_terminal(movie: Path, tmp_path: Path) -> None:
    """At a terminal slices, speed and workers are shown while the run goes, and then cleared."""
    pty = pytest.importorskip("pty", reason="terminals are POSIX")
    master, slave = pty.openpty()
    with subprocess.Popen(
        [str(SCRUBJAY), "make", str(movie), "-o", "out", "--slice-length", "1"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=slave,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30"},
    ) as process:
        os.close(slave)
        shown = b""
        try:
            while piece := os.read(master, 65536):
                shown += piece
        except OSError:  # Linux: nobody has the other end open any more
            pass
        output, _ = process.communicate(timeout=180)
        os.close(master)
    assert process.returncode == 0
    assert output == b"out/index.html\n"
    assert re.search(rb"\d+/12 slices", shown)
    assert b"worker 1" in shown
    assert b"Made 12 animations" in shown


@pytest.mark.usefixtures("movie")
def test_json_is_events_and_nothing_else(run_program: Run) -> None:
    """With --json, stdout is events, a line each, in order; stderr is silent."""
    done = run_program("make", "movie.mp4", "-o", "out", "--json", "--slice-length", "4")
    assert (done.returncode, done.stderr) == (0, "")
    events = _events(done.stdout)
    assert isinstance(events[0], Probed)
    assert isinstance(events[1], Planned)
    assert isinstance(events[-1], Finished)
    assert {event.index for event in events if isinstance(event, SliceStarted)} == {0, 1, 2}
    assert all("\\u001b" not in line for line in done.stdout.splitlines())


@pytest.mark.usefixtures("movie")
def test_probe_and_plan_have_json(run: Run, tmp_path: Path) -> None:
    """`probe --json` and `plan --json` write values that programs can read, and no files."""
    media = decode(run("probe", "movie.mp4", "--json").stdout.encode(), MediaInfo)
    assert (media.width, media.height) == (320, 180)
    assert media.duration == 12
    asked = ("plan", "movie.mp4", "--json", "--no-sheets", "--slice-length", "7/3")
    plan = decode(run(*asked).stdout.encode(), Plan)
    assert len(plan.slices) == 6
    assert str(plan.recipe.slice_length) == "7/3"
    assert [path.name for path in tmp_path.iterdir()] == ["movie.mp4"]


def test_plan_and_probe_speak_to_people(run: Run, movie: Path) -> None:
    """For people, `probe` tells size and length, and `plan` what would be made."""
    probed, planned = run("probe", movie).stdout, run("plan", movie).stdout
    assert "320 x 180 px" in probed
    assert "0:12 (12.000 s)" in probed
    assert "GIF, 240 x 135 px" in planned
    assert re.search(
        r"\n  frames +12 JPEG, 320 x 180 px, every 1 s: frames/[0-9a-f]{12}/000000\.jpg", planned
    )


def _is_one_sentence(text: str) -> bool:
    return re.fullmatch(r"scrubjay: [^\n]+\n", text) is not None


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("missing.mp4", "missing.mp4 does not exist"),
        ("~nobody.mp4", "does not exist"),
    ],
)
def test_a_source_that_is_none(run: Run, tmp_path: Path, source: str, words: str) -> None:
    """A source that is missing is one sentence and code 3; nothing is written."""
    done = run("make", source, "-o", "out/deep")
    assert done.returncode == ExitCode.SOURCE
    assert _is_one_sentence(done.stderr)
    assert words in done.stderr
    assert done.stdout == ""
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", [f"bad/{name}" for name in BAD] + ["odd/audio_only.mp4"])
def test_a_file_that_is_no_video(run: Run, tmp_path: Path, media: Path, name: str) -> None:
    """A file without video is one sentence that names it, and code 3; nothing is written."""
    done = run("make", media / name, "-o", "out")
    assert done.returncode == ExitCode.SOURCE
    assert _is_one_sentence(done.stderr)
    assert Path(name).name in done.stderr
    assert not (tmp_path / "out").exists()


def test_an_error_is_an_event_too(run_program: Run) -> None:
    """With --json, the last line says what went wrong and with which code."""
    done = run_program("make", "missing.mp4", "-o", "out", "--json")
    (failed,) = _events(done.stdout)
    assert isinstance(failed, Failed)
    assert (failed.error, failed.exit_code) == ("SourceNotFoundError", done.returncode)
    assert done.stderr == f"scrubjay: {failed.message}\n"


@pytest.mark.parametrize("wrong", [["--slice-length", "abc"], ["--no-such"], ["--workers", "x"]])
def test_a_wrong_option_is_an_event_too(run_program: Run, wrong: list[str]) -> None:
    """With --json, a program hears in JSON of an option that the command line does not take."""
    done = run_program("make", "movie.mp4", "-o", "out", "--json", *wrong)
    (failed,) = _events(done.stdout)
    assert isinstance(failed, Failed)
    assert failed.exit_code == done.returncode == ExitCode.USAGE
    assert failed.message in done.stderr


@pytest.mark.usefixtures("movie")
def test_an_empty_address_is_refused(run: Run, tmp_path: Path) -> None:
    """An unset variable of a shell is no folder."""
    done = run("make", "movie.mp4", "-o", "")
    assert done.returncode == ExitCode.USAGE
    assert _is_one_sentence(done.stderr)
    assert [each.name for each in tmp_path.iterdir()] == ["movie.mp4"]


def test_notes_and_damage_are_said(run: Run, media: Path) -> None:
    """The summary says what a person should know of the video."""
    done = run("make", media / "bad" / "garbage_after_30pct.mp4", "-o", "out")
    assert done.returncode == ExitCode.OK
    assert "The video is damaged in 1 slice" in done.stderr
    done = run("make", media / "bad" / "trunc_faststart_50pct.mp4", "-o", "cut")
    assert "Note: its pictures end at" in done.stderr


@pytest.mark.usefixtures("movie")
@pytest.mark.parametrize("output", ["movie.mp4", "movie.mp4/below", "x" * 300])
def test_a_destination_that_cannot_be(run: Run, tmp_path: Path, output: str) -> None:
    """A destination that is a file or cannot exist is one sentence and code 4."""
    before = (tmp_path / "movie.mp4").read_bytes()
    done = run("make", "movie.mp4", "-o", output)
    assert done.returncode == ExitCode.DESTINATION
    assert _is_one_sentence(done.stderr)
    assert (tmp_path / "movie.mp4").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["movie.mp4"]


def test_a_full_disk_is_said_and_resumed(
    run: Run, movie: Path, mount: Callable[[str], Path]
) -> None:
    """A disk that fills up ends the run with one sentence and code 4; with room it goes on."""
    folder = mount("size=180k")
    full = run("make", movie, "-o", folder / "set", "--slice-length", "2", "--workers", "2")
    assert full.returncode == ExitCode.DESTINATION
    assert _is_one_sentence(full.stderr)
    assert "no space is left" in full.stderr
    names = [path.name for path in folder.rglob("*")]
    assert "manifest.json" not in names
    assert not any("#" in name for name in names)
    mount("size=64m")
    again = run("make", movie, "-o", folder / "set", "--slice-length", "2")
    assert again.returncode == ExitCode.OK
    assert "of 6 slices already existed" in again.stderr
    assert (folder / "set" / "manifest.json").exists()


@pytest.mark.usefixtures("movie")
@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("slice_lenght = 3", "slice_lenght"),
        ("[animations]\nwidht = 3", "widht"),
        ("[animations]\nwidth = 0", "animations.width"),
        ("[animations]\nwidth = 'wide'", "animations.width"),
        ("[frames]\nquality = 101", "frames.quality"),
        ("[animations]\nfps = 1000", "fps is 1000"),
        ("[frames]\ninterval = nan", "frames.interval"),
        ("slice_length = 1e999999999", "slice_length"),
        ("slice_length =", "TOML"),
        ("animations = 3", "animations"),
        ("\x00", "TOML"),
    ],
)
def test_a_recipe_that_cannot_be(run: Run, tmp_path: Path, toml: str, words: str) -> None:
    """A mistake in a recipe file is one sentence that names file and field, and code 2."""
    (tmp_path / "my.toml").write_text(toml)
    done = run("make", "movie.mp4", "-o", "out", "--recipe", "my.toml")
    assert done.returncode == ExitCode.USAGE
    assert _is_one_sentence(done.stderr)
    assert words in done.stderr
    assert "my.toml" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("movie")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--recipe", "none.toml"], "none.toml is neither a file nor a preset"),
        (["--recipe", "."], "cannot be read"),
        (["--animation-width", "0"], "animations.width"),
        (["--animation-width", "wide"], "--animation-width"),
        (["--slice-length", "soon"], "--slice-length"),
        (["--slice-length", "0"], "slice_length is 0"),
        (["--slice-length", "1e400"], "is not a number"),
        (["--frame-interval", "-1"], "interval is -1"),
        (["--workers", "-1"], "workers"),
        (["--memory-limit", "1"], "memory_limit"),
        (["--stall-timeout", "0"], "stall_timeout"),
        (["--no-animations", "--no-frames", "--no-sheets"], "the recipe has no outputs"),
        (["--no-such-option"], "--no-such-option"),
    ],
)
def test_an_option_that_cannot_be(
    run: Run, tmp_path: Path, arguments: list[str], words: str
) -> None:
    """A wrong option is named, without a traceback, and code 2; nothing is written."""
    done = run("make", "movie.mp4", "-o", "out", *arguments)
    assert done.returncode == ExitCode.USAGE
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("movie")
def test_flag_beats_environment_beats_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting is taken from its flag, else from the environment, else from the file."""
    asked: list[int] = []

    class Recorded(ProcessEngine):
        def __init__(self, *, workers: int = 0, **others: Any) -> None:  # noqa: ANN401  as given
            asked.append(workers)
            super().__init__(workers=workers, **others)

    monkeypatch.setattr("scrubjay.cli.setup.ProcessEngine", Recorded)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "settings.toml").write_text("workers = 1\nstall_timeout = 22.5\n")
    file = {"SCRUBJAY_CONFIG": "settings.toml"}
    both = {**file, "SCRUBJAY_WORKERS": "2"}
    for options, environ in (([], file), ([], both), (["--workers", "3"], both)):
        done = CliRunner().invoke(cli, ["probe", "movie.mp4", *options], env=environ)
        assert done.exit_code == 0, done.output
    assert asked == [1, 2, 3]


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"SCRUBJAY_WORKERS": "many"}, "SCRUBJAY_WORKERS: expected a whole number, got text"),
        ({"SCRUBJAY_CONFIG": "none.toml"}, "none.toml does not exist"),
        ({"SCRUBJAY_CONFIG": "bad.toml"}, "wrokers"),
    ],
)
def test_a_setting_that_cannot_be(
    run: Run, tmp_path: Path, movie: Path, environ: dict[str, str], words: str
) -> None:
    """A wrong setting in the environment or the file is one sentence that names it, and code 2."""
    (tmp_path / "bad.toml").write_text("wrokers = 1\n")
    done = run("probe", movie, environ=environ)
    assert done.returncode == ExitCode.USAGE
    assert _is_one_sentence(done.stderr)
    assert words in done.stderr


@pytest.mark.parametrize("name", ["-i.mp4", "a:b.mp4", "Äpfel & Öl #1 50% (日本).mp4", "~x.mp4"])
def test_odd_names_are_only_names(run_program: Run, clip: Path, tmp_path: Path, name: str) -> None:
    """A video may have any name: it is made, named in the manifest, and found by the page."""
    shutil.copy(clip, tmp_path / name)
    done = run_program("make", "-o", "out", "--no-animations", "--", name)
    assert (done.returncode, done.stdout) == (0, "out/index.html\n"), done.stderr
    manifest = decode((tmp_path / "out/manifest.json").read_bytes(), Manifest)
    assert (manifest.status, manifest.source.name) == ("complete", name)
    (source,) = re.findall(r'<video[^>]* src="([^"]*)"', (tmp_path / "out/index.html").read_text())
    assert (tmp_path / "out" / unquote(source)).resolve() == tmp_path / name


@pytest.mark.usefixtures("movie")
def test_a_reader_that_leaves_is_no_error(tmp_path: Path) -> None:
    """`scrubjay plan --json | head` ends without a word."""
    with subprocess.Popen(
        [str(SCRUBJAY), "plan", "movie.mp4", "--json", "--slice-length", "1/10"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == ExitCode.OK


@pytest.mark.usefixtures("movie")
@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["plan", "movie.mp4"],
        ["probe", "movie.mp4", "--json"],
        ["doctor"],
        ["doctor", "movie.mp4", "--json"],
        ["make", "movie.mp4", "-o", "set", "--json"],
        ["make", "missing.mp4", "-o", "set", "--json"],
        ["make", "movie.mp4", "-o", "set"],
        ["make", "movie.mp4", "--no-such-option", "--json"],
    ],
    ids=" ".join,
)
def test_standard_output_on_a_full_disk(tmp_path: Path, arguments: list[str]) -> None:
    """Output that cannot be written ends in one sentence and an exit code, and no traceback."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [str(SCRUBJAY), *arguments],
            check=False,
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=180,
        )
    assert done.returncode == ExitCode.OUTPUT
    assert b"standard output cannot be written: No space left on device\n" in done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Exception" not in done.stderr


def test_a_hang_up_that_is_ignored_stays_so(clip: Path, tmp_path: Path) -> None:
    """Under `nohup` a run goes on when its terminal goes away."""
    command = [str(SCRUBJAY), "make", str(clip), "-o", str(tmp_path / "set"), "--json"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN) and None,  # noqa: PLW1509
    ) as process:
        assert process.stdout is not None
        assert b"probed" in process.stdout.readline()
        process.send_signal(signal.SIGHUP)
        assert b'"status":"complete"' in process.stdout.read()
    assert process.returncode == ExitCode.OK


@pytest.mark.parametrize(
    "name", ["\x1b]0;owned\x07\x1b[2J.mp4", "a\x9b31m.mp4", "gpj\u202e4pm.mp4"]
)
def test_names_cannot_command_a_terminal(run: Run, clip: Path, tmp_path: Path, name: str) -> None:
    """What a terminal would obey in a file's name is shown escaped, in results and in errors."""
    shutil.copy(clip, tmp_path / name)
    (tmp_path / f"bad{name}").write_bytes(b"no video")
    shown = [
        run("probe", name),
        run("plan", name),
        run("make", name, "-o", "set", "--no-animations"),
        run("probe", f"bad{name}"),
        run("probe", f"missing{name}"),
    ]
    text = "".join(done.stderr + done.stdout for done in shown)
    assert not any(each in text for each in "\x1b\x07\x9b\u202e")
    assert "\\x" in text or "\\u202e" in text


def test_a_choice_is_an_option(run: Run, media: Path) -> None:
    """A field of few values takes only these; a colour is checked as well."""
    video = media / "real" / "globe_30s.mp4"
    assert run("plan", video, "--stereo", "left", "--background", "#20FF00").returncode == 0
    refused = run("plan", video, "--stereo", "right")
    assert refused.returncode == ExitCode.USAGE
    assert "'both', 'left'" in refused.stderr
    assert "background" in run("plan", video, "--background", "red").stderr


def test_a_worker_that_was_started_ahead_ends_with_the_command(clip: Path, tmp_path: Path) -> None:
    """Whether it was used, not needed, or the command line was wrong: no worker lives on."""
    for arguments in (["probe", clip], ["probe", tmp_path / "none.mp4"], ["make", clip]):
        done = subprocess.run(  # a pipe that a worker held would keep this waiting
            [SCRUBJAY, *map(str, arguments)], check=False, capture_output=True, timeout=60
        )
        assert b"Traceback" not in done.stderr
        assert done.returncode in {ExitCode.OK, ExitCode.USAGE, ExitCode.SOURCE}
