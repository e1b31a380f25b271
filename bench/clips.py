"""The videos that are measured on, made where they are not at hand."""

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from bench.tools import BENCH, MEDIA, Tools, run

__all__ = ["BRIEF", "CUT", "CUT_SECONDS", "FILM", "HD", "LONG", "LONG_SECONDS", "SHORT", "TINY"]
__all__ += ["Clip", "Slice", "clip", "title"]

FILM, CUT, LONG, TINY = "film720", "cut10", "film3h", "tiny"
CUT_SECONDS = 599.8
"""How long the clip `CUT` is: ten minutes but for half a picture of sound."""
LONG_SECONDS = 10_350
HD = ("film1080", "screencast")
SHORT = (FILM, *HD, "hevc", "av1")
"""The clips of --quick."""
_SECONDS = ("3", "5", "15", "30.16", "65")
_BRIEF_OF = {
    f"{kind}-{seconds}s": (source, seconds)
    for kind, source in (("camera", "camera_person_139s"), ("film", "film_720p24_120s"))
    for seconds in _SECONDS
}
"""Beginnings of a file, by name: as long as most uploads are."""
BRIEF = tuple(_BRIEF_OF)

_TITLES = {
    FILM: "film, 720p24 H.264, 120 s",
    "film1080": "film, 1080p24 H.264, 30 s (one slice: one worker, two decoder threads)",
    "screencast": "screen recording, 1080p30 H.264, 41 s (slices of 30 s and 11 s)",
    "hevc": "film, 720p24 HEVC (x265, medium), 30 s (one slice)",
    "av1": "film, 720p24 AV1 (SVT-AV1, preset 8), 30 s (one slice)",
    CUT: "film, 720p24 H.264, 10 minutes",
    LONG: "film, 720p24 H.264, 2 h 52 min",
    TINY: "half a second",
    **{
        name: f"{source}.mp4, its first {seconds} s (H.264, copied)"
        for name, (source, seconds) in _BRIEF_OF.items()
    },
}
_FILES = {
    FILM: MEDIA / "real" / "film_720p24_120s.mp4",
    "film1080": MEDIA / "real" / "film_1080p24_30s.mp4",
    "screencast": MEDIA / "real" / "screencast_1080p30_41s.mp4",
    "hevc": BENCH / "film_hevc.mp4",
    "av1": BENCH / "film_av1.mp4",
    CUT: BENCH / "film_10min.mp4",
    LONG: BENCH / "feature_3h.mp4",
    TINY: MEDIA / "odd" / "s_half_second.mp4",
    **{name: BENCH / f"{name}.mp4" for name in BRIEF},
}
_ENCODERS = {
    "hevc": ("libx265", "-preset", "medium", "-x265-params", "log-level=error", "-tag:v", "hvc1"),
    "av1": ("libsvtav1", "-preset", "8", "-crf", "35"),
}
_PLANS = {"classic": (), "tolerance": ("--tolerance", "0.04"), "web": ("--recipe", "web")}
"""Options of the plans whose pictures a floor decodes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """A stretch that every contestant makes one GIF of: [start, end) in seconds."""

    start: Fraction
    end: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A video, and what its contestants need to know of it."""

    name: str
    path: Path
    slices: tuple[Slice, ...]
    plans: dict[str, Path]
    """Our plans, in JSON, by the name that `_PLANS` has for them."""

    @property
    def duration(self) -> Fraction:
        """Length in seconds."""
        return self.slices[-1].end

    @property
    def frames(self) -> Path:
        """Folder for the frames of its animations, which gifski gets."""
        return BENCH / "frames" / self.name


def title(name: str) -> str:
    """Return what a clip is, for people."""
    return _TITLES[name]


def clip(name: str, found: Tools) -> Clip:
    """Make a clip ready: the file, and our plans of it."""
    path = _FILES[name]
    if not path.exists():
        print(f"making {path.name}", flush=True)
        _make(name, path, found.ffmpeg)
    plans = {}
    for plan, options in _PLANS.items():
        plans[plan] = BENCH / "plans" / f"{name}-{plan}.json"
        plans[plan].parent.mkdir(exist_ok=True)
        plans[plan].write_text(run(found.scrubjay, "plan", path, "--json", *options))
    spans = json.loads(plans["classic"].read_text())["slices"]
    slices = [Slice(start=Fraction(each["start"]), end=Fraction(each["end"])) for each in spans]
    made = Clip(name=name, path=path, slices=tuple(slices), plans=plans)
    if name in SHORT and not made.frames.exists():
        _sample(made, found.ffmpeg)
    return made


def _make(name: str, path: Path, ffmpeg: str) -> None:
    film = _FILES[FILM]
    if name in {LONG, CUT}:
        if not _FILES[LONG].exists():
            run("bash", MEDIA / "make_long.sh", BENCH, str(LONG_SECONDS))
            _FILES[LONG].with_stem("feature_3h_faststart").unlink()
        if name == CUT:
            copy = ("-t", str(CUT_SECONDS), "-map", "0:v", "-map", "0:a", "-c", "copy")
            _ffmpeg(ffmpeg, path, "-i", _FILES[LONG], *copy)
        return
    if name in BRIEF:
        source, seconds = _BRIEF_OF[name]
        whole = MEDIA / "real" / f"{source}.mp4"
        _ffmpeg(ffmpeg, path, "-i", whole, "-t", seconds, "-map", "0:v", "-c", "copy")
        return
    codec, *options = _ENCODERS[name]
    _ffmpeg(ffmpeg, path, "-i", film, "-t", "30", "-an", "-c:v", codec, *options)


def _sample(made: Clip, ffmpeg: str) -> None:
    """Write the frames that gifski gets: a PNG, not compressed, for each tenth of a second."""
    partial = made.frames.with_suffix(".partial")
    partial.mkdir(parents=True, exist_ok=True)
    png = ("-compression_level", "0", "-pred", "none")
    scale = ("-vf", "fps=10,scale=240:-1:flags=lanczos")
    run(ffmpeg, "-v", "error", "-y", "-i", made.path, *scale, *png, partial / "%05d.png")
    partial.rename(made.frames)


def _ffmpeg(ffmpeg: str, target: Path, *arguments: str | Path) -> None:
    """Write a video under another name, and rename it when it is whole."""
    partial = target.with_suffix(f".partial{target.suffix}")
    run(ffmpeg, "-v", "error", "-y", *arguments, partial)
    partial.rename(target)
