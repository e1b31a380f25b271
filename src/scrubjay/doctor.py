"""What is in a file, what Scrubjay does about it, and what a person can do, in plain words."""

import platform
import shlex
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from typing import cast

import msgspec

from scrubjay import pipeline
from scrubjay.engines.base import Engine
from scrubjay.errors import IncompleteError, ScrubjayError, SourceDamagedError, SourceError
from scrubjay.model import Manifest, MediaInfo, Recipe, Sheet
from scrubjay.places.place import Place
from scrubjay.sandbox.confinement import sandbox_support
from scrubjay.timing import short_clock

__all__ = ["Diagnosis", "Finding", "examine", "examine_machine"]

_CHECKUP = Recipe(
    slice_length=Fraction(30),
    animations=(),
    frames=(),
    sheets=(Sheet(interval=Fraction(1), width=64),),
)
"""A recipe whose set is discarded; it shows whether the video decodes."""

_ELEMENTARY = frozenset({"h264", "hevc", "m4v", "mpegvideo", "h263", "vc1", "obu"})
"""Containers that have only pictures, without times."""

_MP4_CODECS = frozenset({"h264", "hevc", "av1", "mpeg4", "mpeg2video", "vvc"})
_WEBM_CODECS = frozenset({"vp8", "vp9"})
_HDR = frozenset({"pq", "hlg"})


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was found."""

    topic: str
    """The subject: container, tracks, clock, shape, colour, damage, encryption."""
    found: str
    """What was found."""
    done: str = ""
    """What Scrubjay does about it; empty if nothing is necessary."""
    advice: str = ""
    """What a person can do; empty if nothing is necessary."""


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """All that was found in a file."""

    name: str
    makes_previews: bool
    """Whether Scrubjay makes previews of it."""
    findings: tuple[Finding, ...]
    is_damaged: bool = False
    """Whether decoding found damage."""
    error: str = ""
    """Class of the error that a run ends with; empty if it makes a complete set."""


def examine(place: Place, engine: Engine, *, decode: bool = True) -> Diagnosis:
    """Probe a file, decode a picture of each second, and return what was found.

    Args:
        place: the file.
        engine: opens the file; it stays open.
        decode: whether to decode pictures to find damage, which takes a while.

    Raises:
        SourceNotFoundError: the file does not exist.
        SourceUnavailableError: the file's server does not answer.
        EngineError: probing failed for a reason that is not in the video.
    """
    try:
        media = engine.probe(place)[1]
    except SourceError as error:
        if type(error).__name__ in {"SourceNotFoundError", "SourceUnavailableError"}:
            raise
        return _refusal(place, error)
    findings = list(_findings(place, media))
    error_name, is_damaged = "", False
    if decode:
        damage, error_name = _damage(place, engine)
        is_damaged = bool(damage.done)
        findings.append(damage)
    return Diagnosis(
        name=place.name,
        makes_previews=error_name in {"", IncompleteError.__name__},
        findings=tuple(findings),
        is_damaged=is_damaged,
        error=error_name,
    )


def examine_machine() -> tuple[Finding, ...]:
    """Describe this machine: Python, decoders and sandbox."""
    system = f"{platform.system()} {platform.release()}, {platform.machine()}"
    return (
        Finding(topic="python", found=f"Python {platform.python_version()} on {system}"),
        Finding(topic="decoders", found="FFmpeg's libraries in PyAV; no ffmpeg program is needed"),
        _sandbox(),
    )


def _sandbox() -> Finding:
    """Describe how far this machine can confine the workers that open strangers' files."""
    missing = sandbox_support().missing
    if not missing:
        found = "workers can read the video and nothing else: no other files, programs or network"
        return Finding(topic="sandbox", found=found)
    return Finding(
        topic="sandbox",
        found=f"this machine lacks {' and '.join(missing)}",
        done="confines workers as far as it can; with --sandbox=require it opens no video",
        advice="use a newer Linux kernel if strangers upload videos",
    )


def _refusal(place: Place, error: SourceError) -> Diagnosis:
    """Return the diagnosis of a file from which no previews can be made."""
    names = {
        "EncryptedVideoError": "encryption",
        "UnsupportedVideoError": "codec",
        "NoVideoError": "tracks",
        "SoundOnlyError": "tracks",
    }
    topic = names.get(type(error).__name__, "container")
    finding = Finding(topic=topic, found=str(error), done="makes no previews")
    return Diagnosis(
        name=place.name, makes_previews=False, findings=(finding,), error=type(error).__name__
    )


def _findings(place: Place, media: MediaInfo) -> Iterator[Finding]:
    """Yield what probing found, one topic at a time."""
    yield _container(place, media)
    rate = f", {float(media.frame_rate):.3f} frames/s on average" if media.frame_rate else ""
    yield Finding(
        topic="tracks",
        found=f"stream {media.stream_index} is the video: {media.codec}{rate}; "
        + ("it has sound" if media.has_audio else "it has no sound"),
        done="uses the first default video stream, as browsers do",
        advice="choose another stream with --stream N",
    )
    yield _clock(media)
    yield _shape(media)
    yield _colour(media)
    for note in media.warnings:
        yield Finding(topic="note", found=note)


def _container(place: Place, media: MediaInfo) -> Finding:
    formats = set(media.container.split(","))
    if formats & _ELEMENTARY:
        return Finding(
            topic="container",
            found=f"a raw {media.codec} stream: pictures without a container and without times",
            done="shows picture n at n / frame rate, with the rate that the stream declares",
            advice="remux it with its true frame rate: "
            + _remux(place, media, before="-framerate 25 "),
        )
    if media.declared_duration is None:
        return Finding(
            topic="container",
            found=f"{media.container}; the header declares no duration",
            done="reads the whole file to measure the duration",
            advice=f"remux it, so that it opens faster: {_remux(place, media)}",
        )
    return Finding(topic="container", found=media.container)


def _clock(media: MediaInfo) -> Finding:
    facts = [f"{short_clock(media.duration)} ({float(media.duration):.3f} s)"]
    done: list[str] = []
    if media.first_picture > 0:
        facts.append(f"the first picture is shown at {float(media.first_picture):.3f} s")
        done.append("earlier previews show the first picture")
    if media.origin:
        facts.append(f"the clock starts at {float(media.origin):.3f} s")
        done.append("counts the times of previews from there, as seek bars do")
    return Finding(topic="clock", found="; ".join(facts), done="; ".join(done))


def _shape(media: MediaInfo) -> Finding:
    facts = [f"{media.coded_width} x {media.coded_height} px"]
    if media.sample_aspect_ratio != 1:
        aspect = media.sample_aspect_ratio
        facts.append(f"pixels of {aspect.numerator}:{aspect.denominator}")
    if media.rotation_deg:
        facts.append(f"rotated by {media.rotation_deg} degrees")
    if media.mirrored:
        facts.append("mirrored")
    done = f"shows it as {media.width} x {media.height} px" if len(facts) > 1 else ""
    return Finding(topic="shape", found=", ".join(facts), done=done)


def _colour(media: MediaInfo) -> Finding:
    is_hdr = media.color_transfer in _HDR
    return Finding(
        topic="colour",
        found=f"{media.pixel_format}, matrix {media.color_space}, range {media.color_range}, "
        f"curve {media.color_transfer}",
        done="maps HDR to an ordinary screen" if is_hdr else "",
    )


def _damage(place: Place, engine: Engine) -> tuple[Finding, str]:
    """Decode a picture of each second; return the damage and the error's name, if any."""
    with tempfile.TemporaryDirectory(prefix="scrubjay-doctor-") as folder:
        try:
            manifest = pipeline.make(place, folder, recipe=_CHECKUP, engine=engine)
        except IncompleteError as error:
            return _damaged(cast("Manifest", error.manifest)), type(error).__name__
        except SourceDamagedError as error:
            return _all_damaged(error), type(error).__name__
        except ScrubjayError as error:
            return Finding(topic="damage", found=str(error)), type(error).__name__
    return _damaged(manifest), ""


def _damaged(manifest: Manifest) -> Finding:
    packets = sum(slice_.damaged_packets for slice_ in manifest.slices)
    where = [
        f"{short_clock(slice_.start)} to {short_clock(slice_.end)}"
        for slice_ in manifest.slices
        if slice_.damaged_packets or slice_.status == "failed"
    ]
    if not where:
        return Finding(topic="damage", found="none in the pictures that previews need")
    gaps = "; ".join(gap.reason for gap in manifest.gaps[:3])
    return Finding(
        topic="damage",
        found=f"{', '.join(where[:10])}{', ...' if len(where) > 10 else ''} "  # noqa: PLR2004
        f"(damaged packets: {packets})" + (f"; {gaps}" if gaps else ""),
        done="shows what can be decoded; a slice in which nothing can be is a gap in the set",
        advice="download or record it again; nothing else restores what is lost. With --strict, "
        "damage is an error",
    )


def _all_damaged(error: SourceDamagedError) -> Finding:
    return Finding(
        topic="damage",
        found=str(error),
        done="makes no previews",
        advice="download or record it again",
    )


def _remux(place: Place, media: MediaInfo, before: str = "") -> str:
    """Return the command that copies a video into a container that plays everywhere."""
    suffix = "mkv"
    if media.codec in _MP4_CODECS:
        suffix = "mp4"
    elif media.codec in _WEBM_CODECS:
        suffix = "webm"
    flags = " -movflags +faststart" if suffix == "mp4" else ""
    return f"ffmpeg {before}-i {shlex.quote(place.name)} -c copy{flags} out.{suffix}"
