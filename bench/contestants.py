"""Who runs, on which clip, and with which command."""

import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from bench.clips import BRIEF, CUT, FILM, HD, LONG, SHORT, Clip, Slice
from bench.measure import Command
from bench.tools import Tools, cores

__all__ = ["OURS", "Contestant", "contestants"]

_REFERENCE = "fps=10,scale=240:-1:flags=lanczos,split[s0][s1];[s0]palettegen[p];[s1][p]paletteuse"
_ONE_RUN = (
    "[0:v]split[a][b];"
    "[a]fps=10,scale=240:-1:flags=lanczos,split[s0][s1];[s0]palettegen[p];[s1][p]paletteuse[gif];"
    "[b]fps=1[jpg]"
)
_WEB = (
    "[0:v]split[a][b];[a]fps=10,scale=240:-2:flags=lanczos[clip];"
    "[b]fps=1/2,scale=240:-1:flags=lanczos,tile=5x3[sheet]"
)
_SHEETS = "fps=1/10,scale=320:-1,tile=10x10"
_MOVIEPY = """
import sys
from moviepy import VideoFileClip
video, folder, *starts = sys.argv[1:]
with VideoFileClip(video, audio=False) as film:
    for start in map(float, starts):
        part = film.subclipped(start, min(start + 30, film.duration)).resized(width=240)
        part.write_gif(f"{folder}/{start:06.0f}.gif", fps=10, logger=None)
"""
_IN_PROCESS = """
import gc
gc.disable()
import sys, scrubjay
scrubjay.InlineEngine
gc.freeze()
gc.enable()
scrubjay.make(sys.argv[1], sys.argv[2], engine=scrubjay.InlineEngine())
"""
_FRAMES_PER_SLICE = 300
_WEB_CLIPS = (FILM, *HD)
_SHEET_CLIPS = (FILM, CUT, LONG)

OURS = {
    "classic": "scrubjay",
    "GIFs": "scrubjay, GIFs alone",
    "sheets": "scrubjay, trickplay",
    "web": "scrubjay, web",
    "everything": "scrubjay, everything",
    "decoding": "scrubjay",
}
"""By kind of job, whom a contestant is compared with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """One way to do a job."""

    name: str
    job: str
    """A key of `OURS`."""
    what: str
    """What it does, for the page."""
    clips: tuple[str, ...]
    command: Callable[[Clip, Path], Command]
    """From a clip and an empty folder to what is run."""
    once: tuple[str, ...] = ()
    """Clips on which it is too slow for more than one round, beside `CUT`, where all are."""

    def runs_in(self, number: int, clip: str) -> bool:
        """Whether it runs in a round (0-based) on a clip."""
        if clip in BRIEF:  # the least of all rounds counts: nobody gets more tries than another
            return clip in self.clips
        is_once = clip == CUT or clip in self.once
        return clip in self.clips and (number == 0 or not is_once)


def contestants(found: Tools, scratch: Path) -> list[Contestant]:
    """Return everybody who can run here.

    Args:
        found: where the programs are.
        scratch: folder for lists of commands.
    """
    everyone = [*_ours(found), *_references(found, scratch), *_sheets(found), _web(found)]
    return [*everyone, *_floors(found), *_gif_makers(found, scratch)]


def _ours(found: Tools) -> list[Contestant]:
    def make(*options: str) -> Callable[[Clip, Path], Command]:
        def command(clip: Clip, out: Path) -> Command:
            argv = (found.scrubjay, "make", str(clip.path), "-o", str(out), "--quiet", *options)
            return Command(argv=argv)

        return command

    def in_process(clip: Clip, out: Path) -> Command:
        return Command(argv=(found.python, "-c", _IN_PROCESS, str(clip.path), str(out)))

    return [
        Contestant(
            name="scrubjay",
            job="classic",
            what="`scrubjay make`: GIFs, JPEGs, sheets, WebVTT, manifest and page",
            clips=(*SHORT, CUT, *BRIEF),
            command=make(),
        ),
        Contestant(
            name="scrubjay, in one process",
            job="classic",
            what="`scrubjay.make` with an `InlineEngine`: no worker, no command line",
            clips=BRIEF,
            command=in_process,
        ),
        Contestant(
            name="scrubjay, tolerance 0.04",
            job="classic",
            what="the same with `--tolerance 0.04`",
            clips=SHORT,
            command=make("--tolerance", "0.04"),
        ),
        Contestant(
            name="scrubjay, GIFs alone",
            job="GIFs",
            what="`scrubjay make --no-frames --no-sheets`: decodes, scales and writes the GIFs",
            clips=SHORT,
            once=SHORT[1:],
            command=make("--no-frames", "--no-sheets"),
        ),
        Contestant(
            name="scrubjay, trickplay",
            job="sheets",
            what="`scrubjay make --recipe trickplay`: sheets, packed JPEGs, BIF, Jellyfin's folder",
            clips=_SHEET_CLIPS,
            command=make("--recipe", "trickplay"),
        ),
        Contestant(
            name="scrubjay, web",
            job="web",
            what="`scrubjay make --recipe web`: MP4, WebP sheets, poster, overview, documents",
            clips=(*_WEB_CLIPS, CUT),
            command=make("--recipe", "web"),
        ),
        Contestant(
            name="scrubjay, everything",
            job="everything",
            what="`scrubjay make --recipe everything`: each format and each document",
            clips=HD,
            once=HD,
            command=make("--recipe", "everything"),
        ),
    ]


def _references(found: Tools, scratch: Path) -> list[Contestant]:
    def two_runs(part: Slice, video: Path, out: str) -> Iterable[list[str]]:
        cut = ["-ss", _text(part.start), "-to", _text(part.start + 30), "-i", str(video)]
        yield [*_FFMPEG, *cut, "-vf", _REFERENCE, "-loop", "0", f"{out}.gif"]
        yield [*_FFMPEG, *cut, "-vf", "fps=1", f"{out}-%d.jpg"]

    def one_run(part: Slice, video: Path, out: str) -> Iterable[list[str]]:
        cut = ["-ss", _text(part.start), "-to", _text(part.start + 30), "-i", str(video)]
        gif = ["-map", "[gif]", "-loop", "0", f"{out}.gif"]
        graph = ["-filter_complex", _ONE_RUN]
        yield [*_FFMPEG, *cut, *graph, *gif, "-map", "[jpg]", f"{out}-%d.jpg"]

    def spread(
        commands: Callable[[Slice, Path, str], Iterable[list[str]]], at_once: int
    ) -> Callable[[Clip, Path], Command]:
        def command(clip: Clip, out: Path) -> Command:
            lines = [
                line
                for part in clip.slices
                for line in commands(part, clip.path, str(out / f"{int(part.start):06}"))
            ]
            return _xargs(found.ffmpeg, lines, at_once, scratch)

        return command

    return [
        Contestant(
            name="ffmpeg, two runs a slice",
            job="classic",
            what="the reference's two commands for each slice, one after the other",
            clips=(*SHORT, CUT, *BRIEF),
            command=spread(two_runs, 1),
        ),
        Contestant(
            name="ffmpeg, two runs a slice, all cores",
            job="classic",
            what="the same commands through `xargs -P`",
            clips=SHORT,
            command=spread(two_runs, cores()),
        ),
        Contestant(
            name="ffmpeg, one run a slice",
            job="classic",
            what="one command a slice, with a split filter and two outputs",
            clips=(*SHORT, CUT),
            command=spread(one_run, 1),
        ),
        Contestant(
            name="ffmpeg, one run a slice, all cores",
            job="classic",
            what="the same commands through `xargs -P`",
            clips=(FILM,),
            once=(FILM,),
            command=spread(one_run, cores()),
        ),
    ]


def _sheets(found: Tools) -> list[Contestant]:
    def sheets(*options: str) -> Callable[[Clip, Path], Command]:
        def command(clip: Clip, out: Path) -> Command:
            filters = ("-i", str(clip.path), "-vf", _SHEETS, f"{out}/%d.jpg")
            return Command(argv=(found.ffmpeg, *_FFMPEG, *options, *filters))

        return command

    def media_server(clip: Clip, out: Path) -> Command:
        script = str(Path(__file__).with_name("media_server.py"))
        return Command(argv=(found.python, script, found.ffmpeg, str(clip.path), str(out)))

    return [
        Contestant(
            name="ffmpeg, keyframes",
            job="sheets",
            what=f"sheets alone: `ffmpeg -skip_frame nokey -i V -vf {_SHEETS}`",
            clips=_SHEET_CLIPS,
            once=(LONG,),
            command=sheets("-skip_frame", "nokey"),
        ),
        Contestant(
            name="ffmpeg, every frame",
            job="sheets",
            what="the same without `-skip_frame`",
            clips=(FILM, CUT),
            command=sheets(),
        ),
        Contestant(
            name="media server",
            job="sheets",
            what="a media server's way: ffmpeg writes JPEGs on one thread, as Jellyfin has it; "
            "they are tiled to sheets, and packed to BIF (`bench/media_server.py`)",
            clips=(FILM, CUT),
            command=media_server,
        ),
    ]


def _web(found: Tools) -> Contestant:
    def command(clip: Clip, out: Path) -> Command:
        mp4 = ("-map", "[clip]", "-c:v", "libx264", "-preset", "veryfast", "-crf", "25", "-an")
        cut = ("-force_key_frames", "expr:gte(t,n_forced*30)", "-f", "segment")
        webp = ("-map", "[sheet]", "-c:v", "libwebp", "-quality", "75", "-compression_level", "2")
        outputs = (*mp4, *cut, "-segment_time", "30", f"{out}/%d.mp4", *webp, f"{out}/%d.webp")
        graph = ("-i", str(clip.path), "-filter_complex", _WEB)
        return Command(argv=(found.ffmpeg, *_FFMPEG, *graph, *outputs))

    return Contestant(
        name="ffmpeg, one run",
        job="web",
        what="one command by hand: a split filter, MP4 of each 30 s and WebP sheets; no poster, "
        "overview or document",
        clips=(*_WEB_CLIPS, CUT),
        command=command,
    )


def _floors(found: Tools) -> list[Contestant]:
    def floor(planned: str, *flags: str) -> Callable[[Clip, Path], Command]:
        def command(clip: Clip, _: Path) -> Command:
            script = Path(__file__).with_name("floor.py")
            plan = clip.plans[planned]
            return Command(argv=(found.python, str(script), str(clip.path), str(plan), *flags))

        return command

    return [
        Contestant(
            name="floor",
            job="decoding",
            what="our frame reader for the classic recipe's instants; nothing is painted",
            clips=(*SHORT, CUT),
            command=floor("classic"),
        ),
        Contestant(
            name="floor, tolerance 0.04",
            job="decoding",
            what="the same with the tolerance",
            clips=SHORT,
            command=floor("tolerance"),
        ),
        Contestant(
            name="floor, web",
            job="decoding",
            what="the same for the recipe `web`",
            clips=_WEB_CLIPS,
            command=floor("web"),
        ),
        Contestant(
            name="PyAV, every frame",
            job="decoding",
            what="a plain decode of the whole video on one thread",
            clips=SHORT,
            command=floor("classic", "--full"),
        ),
    ]


def _gif_makers(found: Tools, scratch: Path) -> list[Contestant]:
    def gifski(clip: Clip, out: Path) -> Command:
        names = sorted(map(str, clip.frames.glob("*.png")))
        starts = range(0, len(names) - 1, _FRAMES_PER_SLICE)  # it refuses a last lone frame
        options = ["--quality", "90", "--fps", "10", "-W", "240", "--quiet"]
        lines = [
            [*options, "-o", f"{out}/{k:06}.gif", *names[k : k + _FRAMES_PER_SLICE]] for k in starts
        ]
        return _xargs(str(found.gifski), lines, 1, scratch)

    def moviepy(clip: Clip, out: Path) -> Command:
        starts = [_text(part.start) for part in clip.slices]
        head = (str(found.moviepy_python), "-c", _MOVIEPY)
        return Command(argv=(*head, str(clip.path), str(out), *starts))

    both = [
        Contestant(
            name="gifski",
            job="GIFs",
            what="`gifski --quality 90`, given finished 240 px frames as PNGs: it does not decode",
            clips=SHORT,
            once=SHORT,
            command=gifski,
        ),
        Contestant(
            name="moviepy",
            job="GIFs",
            what="`write_gif` of each slice at 10 frames/s and 240 px",
            clips=(FILM,),
            once=(FILM,),
            command=moviepy,
        ),
    ]
    here = {"gifski": found.gifski, "moviepy": found.moviepy_python}
    return [each for each in both if here[each.name]]


_FFMPEG = ("-nostdin", "-v", "error")


def _text(seconds: Fraction) -> str:
    """Write seconds as ffmpeg reads them."""
    return f"{float(seconds):.6f}".rstrip("0").rstrip(".")


def _xargs(program: str, lines: list[list[str]], at_once: int, scratch: Path) -> Command:
    """Return a command that runs a program once for each line of arguments."""
    batch = scratch / "commands.txt"
    batch.write_text("".join(shlex.join(line) + "\n" for line in lines), encoding="utf-8")
    return Command(argv=("xargs", "-P", str(at_once), "-L", "1", program), stdin=batch)
