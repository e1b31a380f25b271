"""Write the pages and schemas that follow from the code; with `--check`, list the stale ones.

A field's meaning is its `Meta` description, or the text under it in its class, or its entry in
`_MEANINGS`. A field without any of these stops this script.
"""

import argparse
import ast
import inspect
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from enum import IntEnum
from fractions import Fraction
from functools import cache, partial
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from textwrap import dedent
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin, get_type_hints
from unittest.mock import patch

import click
import msgspec
from inputs import inputs_page
from msgspec import Meta

from players import players_page
from scrubjay import events
from scrubjay.cli.exits import ExitCode, exit_code
from scrubjay.cli.main import cli
from scrubjay.errors import error_classes
from scrubjay.limits import Limits, option_of
from scrubjay.model import (
    KINDS,
    PRESETS,
    Crop,
    Manifest,
    MediaInfo,
    Plan,
    Recipe,
    SliceRecord,
    SourceRef,
    Usage,
    Used,
)
from scrubjay.registry import DOCUMENTS, FORMATS
from scrubjay.settings import ClusterSettings, Settings
from scrubjay.simulation.rules import RULES
from scrubjay.simulation.scenario import TABLES
from scrubjay.simulation.values import Amount, Seconds
from scrubjay.verifying.report import Report

DOCS = Path(__file__).parent
_COLUMNS = 92
"""Columns of the help texts."""

_NOTE = "<!-- Written by docs/generate.py. Change the code or that script, not this page. -->"

_MEANINGS = {
    "index": "Which slice, 0-based.",
    "worker": "Which worker, 0-based.",
    "start": "Where it starts, in seconds; included.",
    "end": "Where it ends, in seconds; not included.",
    "slices": "Slices, in order; they touch and cover the video.",
    "animations": "How many the set has.",
    "frames": "How many stills the set has.",
    "sheets": "How many the set has.",
    "error": "Class of the error.",
    "message": "One sentence for people.",
    "exit_code": "The command's exit code; see cli.md.",
    "failed": "Slices that are gaps, and the job for the whole if it failed.",
    "source": "Which video.",
    "media": "What is in it.",
    "recipe": "What was asked for.",
    "size_bytes": "Size in bytes.",
    "container": "FFmpeg's name of the container format.",
    "codec": "Name of the video codec.",
    "stream_index": "Which stream of the file, 0-based.",
    "width": "Width in px.",
    "height": "Height in px.",
    "coded_width": "Width in px as coded, before pixels are made square and the picture upright.",
    "coded_height": "Height in px as coded.",
    "sample_aspect_ratio": "Width of a coded pixel divided by its height.",
    "rotation_deg": "Clockwise rotation, already applied, that puts the coded picture upright.",
    "pixel_format": "FFmpeg's name of the pixel format.",
    "color_space": "Matrix from RGB, such as `bt709`; `unspecified` where the video does not say.",
    "color_range": "`limited`, `full` or `unspecified`.",
    "color_transfer": "Transfer curve, such as `bt709`, `pq` or `hlg`.",
    "color_primaries": "Primaries, such as `bt709`, `display-p3` or `bt2020`.",
    "stereo": "How a coded picture holds those of two eyes; the first is named first.",
    "left": "Pixels.",
    "top": "Pixels.",
    "right": "Pixels.",
    "bottom": "Pixels.",
    "has_audio": "Whether there is sound.",
    "warnings": "What is unusual about the file, a sentence each.",
    "first_picture": "When the first picture is shown, in seconds; earlier previews show it too.",
    "format": "Name and version of this format.",
    "status": "What became of it.",
    "gaps": "What is missing, and why.",
    "reason": "Why it is missing, for people.",
    "media_type": "Such as `image/gif`.",
    "columns": "Thumbnails in a row.",
    "rows": "Rows of thumbnails.",
    "thumbnail_width": "Width of a thumbnail in px.",
    "thumbnail_height": "Height of a thumbnail in px.",
    "key": "Where it is, relative to the destination.",
    "blake2b": "BLAKE2b of its bytes, 16 bytes, in hexadecimal.",
    "Finished.slices": "Slices in the plan, and the job for the whole.",
    "WholeEntry.animations": "Short clips of the whole video.",
    "WholeEntry.frames": "Stills of the whole video: posters.",
    "WholeEntry.sheets": "Sheets of the whole video: overviews.",
    "Manifest.animations": "Animations, output by output, each by start.",
    "Manifest.frames": "Stills, output by output, each by time.",
    "Manifest.sheets": "Sheets, output by output, each by start.",
    "Recipe.animations": "The animations of each slice.",
    "Recipe.frames": "The stills.",
    "Recipe.sheets": "The sheets.",
    "SliceRecord.output": "Id of the output; see `Plan.layouts`.",
    "Layout.id": "Names what decides the output's bytes; its artifacts lie under it.",
    "Layout.size": "Of a picture, or of one thumbnail of a sheet.",
    "FilmEnded.destination": "The address of its set; empty if it can have none.",
    "FilmEnded.message": "One sentence for people; empty if there is no error.",
    "LibraryFinished.made": "How many were made, in full.",
    "SliceUsage.used": "What it used.",
}


class Field(NamedTuple):
    """What a page says about one field of a Struct."""

    name: str
    kind: object
    limits: Meta | None
    meaning: str
    default: object


# Reading the code -------------------------------------------------------------------------------


@cache
def notes_of(owner: type) -> dict[str, str]:
    """Return the text under each attribute of a class, by name."""
    body = ast.parse(dedent(inspect.getsource(owner))).body[0]
    found: dict[str, str] = {}
    for before, after in pairwise(getattr(body, "body", [])):
        if isinstance(before, ast.AnnAssign):
            target: ast.expr = before.target
        elif isinstance(before, ast.Assign):
            target = before.targets[0]
        else:
            continue
        match after:
            case ast.Expr(ast.Constant(str() as text)) if isinstance(target, ast.Name):
                found[target.id] = " ".join(text.split())
            case _:
                continue
    return found


def fields_of(struct: type[msgspec.Struct]) -> Iterator[Field]:
    """Yield the fields of a Struct."""
    hints = get_type_hints(struct, include_extras=True)
    for field in msgspec.structs.fields(struct):
        kind, metas = hints[field.name], []
        if get_origin(kind) is Annotated:
            kind, *extras = get_args(kind)
            metas = [each for each in extras if isinstance(each, Meta)]
        texts = (
            *(meta.description for meta in metas),
            notes_of(struct).get(field.name),
            _MEANINGS.get(f"{struct.__name__}.{field.name}"),
            _MEANINGS.get(field.name),
        )
        meaning = next((text for text in texts if text), None)
        if meaning is None:
            sys.exit(f"{struct.__name__}.{field.name} has no description; docs need one")
        yield Field(field.name, kind, metas[0] if metas else None, meaning, field.default)


def structs_in(kind: object) -> Iterator[type[msgspec.Struct]]:
    """Yield the Structs that a type refers to, each once, in the order of their fields."""
    seen: dict[type[msgspec.Struct], None] = {}

    def visit(kind: object) -> None:
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            if kind not in seen:
                seen[kind] = None
                for field in fields_of(kind):
                    visit(field.kind)
            return
        for inner in get_args(kind):
            visit(inner)

    visit(kind)
    yield from seen


def summary(owner: type) -> str:
    """Return the first paragraph of a docstring on one line."""
    return " ".join((inspect.getdoc(owner) or "").split("\n\n")[0].split())


def limits_of(struct: type[msgspec.Struct], field: Field) -> tuple[str, str] | None:
    """Return the least and the most that a field may be; None where there are no bounds.

    Exact numbers are checked by their Struct, whose error message contains the bounds.
    """
    if field.kind is Fraction:
        try:
            struct(**{field.name: Fraction(-(10**6))})
        except ValueError as exc:
            least, most = re.findall(r"must be from (\S+) to (\S+)", str(exc))[0]
            return least, most
        return None
    if field.limits is None:
        return None
    low, high = field.limits.ge, field.limits.le
    least = f"{low:g}" if low is not None else ""
    if field.limits.gt is not None:
        least = f"over {field.limits.gt:g}"
    return (least, f"{high:g}" if high is not None else "") if least or high is not None else None


# Words ------------------------------------------------------------------------------------------

_ABOUT_OUTPUT = """\
Results go to standard output, everything else to standard error. `make` shows live progress if
standard error is a terminal. With `--json`, `make` writes [events](events.md), one JSON object a
line. After Ctrl-C, the same command continues where it stopped.

A run of [many videos](library.md) ends with the exit code of its worst error, in this order: 1, 4,
6, 7, 3, 2, and 5 if sets have gaps and nothing else failed.
"""

_ABOUT_SETTINGS = """\
## Settings

Settings control how work runs on this machine; they do not change what is made. (That is the job
of a [recipe](recipe.md); [limits](limits.md) bound what it may cost.) A flag overrides the
environment, which overrides the file, which overrides the default. The file is TOML; the
environment variable `SCRUBJAY_CONFIG` is its path.
"""

_ABOUT_CLUSTERS = """\
### Settings of a cluster

`worker`, `cluster` and `make --engine procrastinate` find [the queue](cluster.md) with this. A flag
overrides the environment; what both leave out, the variables of libpq say.
"""

_ABOUT_LIMITS = """\
Limits bound what a file can cost. A video declares its own duration, number of pictures and their
size, and any of these may be wrong: 1,490 bytes can declare two pictures 402 hours apart, which
would be 1.5 million objects. Every run, on one machine or in a deployed stack, therefore observes
the limits on this page. Duration, slices and objects are checked after probing, before anything is
written; pixels and streams before anything is decoded; the others while a worker runs.

A video over a limit ends with a `LimitError`, exit code 7, whose message names the option that
raises the limit. In a settings file, limits are in the table `[limits]`; in Python they are
`ProcessEngine(limits=Limits(max_duration=400_000))`. A [deployed stack](aws/deploy.md) has stricter
defaults, which are parameters.
"""

_LIMITS_END = """\
## How many objects a set may have

A set may have `base_objects` whatever its video contains, and `objects_per_packet` more for each
packet. A packet is a coded picture. In a video with thousands of them, only the first 256 are
counted, or the first 4 MiB, and the rest is estimated from their size. A packet counts only if the
file has 256 bytes for it.

| video | objects of the classic recipe | packets | allowed |
|---|---|---|---|
| film, 3 h at 24 pictures/s | 12,605 | 259,200 | 210,000 |
| slide show of 35 pictures, 350 s | 415 | 35 | 7,300 |
| one picture with an hour of sound | 4,205 | 1 | 4,580 |
| time lapse, 24 h, a picture a minute | 100,805 | 1,440 | 119,700 |
| a jump of 25 h in a broadcast of 4 s | 105,014 | 97 | 12,260 |
| two pictures 402 h apart | 1,691,675 | 2 | 4,660 |

Pictures of an animation are not counted: a repeated one costs almost nothing, and all pictures of a
slice must fit into half of `memory_limit`, at 6 bytes a pixel (9 for a sheet). If they do not, the
run ends with a `RecipeError`, because shorter slices or smaller pictures help.

## How many bytes a set may take

`base_output` MiB, and `output_per_byte` bytes more for each byte of the video. One slice may write
four times its share of that, or 32 MiB if that is more.

## How long a slice may take

`slice_timeout` seconds, and 10 more for each second of video in it. This limit also ends a worker
that keeps reporting progress.
"""

_ABOUT_EVENTS = """\
`scrubjay make --json` writes events to standard output: one JSON object a line (NDJSON), with the
event's name in the field `event`. `scrubjay.make` calls `on_progress` with the same events as
objects, except `failed`.

Times are seconds of the video. An exact number is text, `"30"` or `"7/3"`, so that nothing is
rounded. The schema of a line is [schema/events.schema.json](schema/events.schema.json). New fields
and events may be added: ignore those that you do not know.

A run sends `probed` and `planned` first. For each slice it sends `slice_started`, any number of
`slice_progress`, and then `slice_done`, `slice_retried` or `slice_failed`. The last event is
`finished`. If the command ends without a complete set, the last line is `failed`.

A run of [many videos](library.md) sends these events for each video, those of several mixed, and
each with one more field, `film`: the video's path in the library. A video's own events come between
its `film_started` and its `film_ended`; one that was made before has only `film_ended`. The last
event is `library_finished`, also if videos failed; `failed` follows only if the run ended early.
"""

_ABOUT_RECIPES = """\
A recipe says what to make of a video: **outputs** of three kinds (animations, stills, sheets),
several of each if you like, and **documents** that players read. The defaults are the `classic`
recipe. A TOML file has the fields that differ; options of `scrubjay make` or `scrubjay plan`
override the file. A misspelt field is an error that names it. Where a number may be a fraction,
write `30`, `29.97` or, in quotes, `"30000/1001"`; it is used exactly.
"""

_EXAMPLE = """\
# my.toml: shorter and larger animations, a still every five seconds, no sheets
slice_length = 10
sheets = []

[animations]
width = 320
fps = 12.5

[frames]
interval = 5
quality = 85
"""

_ABOUT_LISTS = """\
## One output of a kind, several, or none

`[frames]` changes the only output of its kind. `[[frames]]` lists all of them, each with a name of
its own; what it does not write has the default of this page. `frames = []` is none. The same goes
for `[animations]` and `[sheets]`.
"""

_LISTS = """\
# two.toml: two widths of stills, a second animation, sheets for fine and for coarse scrubbing
documents = ["webvtt"]

[[animations]]
fps = 12

[[animations]]
name = "animations-small"
width = 120

[[frames]]
name = "frames-large"

[[frames]]
name = "frames-small"
width = 160
interval = 5

[[sheets]]

[[sheets]]
name = "sheets-coarse"
interval = 10
"""

_AFTER_LISTS = """\
An output's name is the folder of its artifacts, and the `output` of its entries in
[the manifest](manifest.md). Outputs share their decoding, and the scaling of pictures of the same
size. On the command line, `--add-output` adds one more to those of the recipe, and options such as
`--frame-width` change the only output of their kind:
"""

_ADD_OUTPUTS = """\
scrubjay make movie.mp4 -o both/ --recipe two.toml
scrubjay make movie.mp4 -o both/ --frame-width 640 --add-output frames,name=tiny,width=64
"""

_ABOUT_GRIDS = """\
## Grids of sheets

All sheets of an output are alike: the same columns, rows, size and seconds for each thumbnail. Only
the last sheet of a video may have cells without a picture; they are black. So one formula finds
every thumbnail, and DASH, HLS and Jellyfin, which know no other way, show the right one
([why](decisions/0022-equal-sheets.md)). For a time `t`, an interval `i` and a grid of `c` columns
and `r` rows, thumbnail `k = floor(t / i)` is cell `k mod (c * r)` of sheet `floor(k / (c * r))`.

- Without `rows`, each slice is one sheet, and no cell is empty: a slice of 30 s with a thumbnail
  every 2 s has 15 of them, in 5 x 3, as `columns = 6` does not divide them. A video of one slice
  has a sheet no larger than it needs.
- With `rows`, the grid is exactly that, and a slice may have several sheets. `slice_length` has to
  be a multiple of `columns * rows * interval`.
- `slice_length` has to be a multiple of `interval`, unless there is not more than one thumbnail in
  a slice; `interval` has to be a whole number of milliseconds.

If a recipe breaks a rule, the error names the values that are possible.
"""

_ABOUT_CHANGES = """\
## Of the whole video

`per = "video"` makes an output once of the whole video, not of each slice: an overview sheet, a
poster, a short clip to show on hover. `per = "slice"` is the default.

```toml
# site.toml: what a page that lists videos needs
animations = [{name = "hover", per = "video", format = "webp"}]
frames = [{name = "poster", per = "video", width = 1280}]
sheets = [{name = "overview", per = "video", columns = 10}]
documents = ["poster", "storyboard"]
```

- **Sheet**: `columns` x `rows` thumbnails; without `rows`, about 50 below 15 minutes and 100 from
  there on, in full rows. They are at least 2 s apart, so a short video has fewer. Each shows a
  picture of its own stretch, mostly a keyframe, so that the sheet of a long film costs seconds.
  `storyboard` is over it; so are all other documents that need sheets, if there are none of slices.
- **Still**: the best picture between 5 and 85 % of the video. It is not black, faded, blurred or in
  a dissolve if there is a better one; `source_time` says which it is. The document `poster` is a
  copy with a fixed name, `poster.jpg`, if the still is a JPEG.
- **Animation**: `moments` of `seconds` each, evenly spread between 5 and 95 %, one after another.
  They begin at keyframes where they can, and are not black if that can be helped. A short video
  has fewer.

The [manifest](manifest.md) lists them under `whole`. `interval` means nothing here, nor do
`moments` and `seconds` in a slice.

## Changing a recipe

Run `scrubjay make` with another recipe into the same destination. Outputs that the new recipe has
as well are not made again: only what is new is. The old set stays complete until the new manifest
is there. `--remove-stale`, or later `scrubjay prune`, removes what is no longer used
([more](concepts.md#how-a-set-is-resumed)).
"""

_ABOUT_PRESETS = """\
## Presets

`--recipe NAME`, or `preset = "NAME"` in a file, begins with a recipe that has a name:

- `classic`: the defaults of this page.
- `web`: what a web site needs: MP4 of 240 px at 10 frames a second, WebP sheets with a thumbnail of
  240 px every 2 s, a poster, an overview sheet, and the documents that web players read.
- `web-avif`: the same, and each animation as AVIF, which the page and the web component prefer.
- `trickplay`: what media servers and TV boxes read: thumbnails of 320 px every 10 s from keyframes,
  as sheets of 10 x 10 for Jellyfin and HLS, and as packed JPEGs for BIF and `mjpg`.
- `everything`: all formats and all documents, for tests and demonstrations.

What they write for an hour of film, and what that takes:

| preset | MB | objects | of them records and documents | CPU s |
| --- | --- | --- | --- | --- |
| `classic` | 735 | 4,205 | 365 | 229 to 306 |
| `web` | 38 | 499 | 257 | 225 |
| `web-avif` | 61 | 739 | 377 | 261 |
| `trickplay` | 14 | 31 | 23 | 5 |
| `everything` | 1,200 | 13,718 | 1,715 | 690 |

Measured on two minutes of 720p24 film (H.264), repeated 30 times, with 2 cores of an AMD EPYC that
others used as well (on cores of its own, `classic` takes 229 s), 2026-11-26; `classic` and
`everything` on the two minutes, times 30. Decoding alone takes 121 s. Of the MB of `trickplay`, the
sheets are a quarter; Jellyfin's folder repeats them, and the BIF file repeats the packed JPEGs.
Objects include the records by which a run continues.

What others write for an hour of the same film, and what that takes them:

| beside | how | MB | objects | CPU s |
| --- | --- | --- | --- | --- |
| `classic` | the reference: two ffmpeg runs for each slice, GIFs and JPEGs | 694 | 3,720 | 912 |
| `classic` | the same by one ffmpeg run for each slice | 694 | 3,720 | 800 |
| `web` | one ffmpeg command: MP4 and WebP sheets, nothing else | 39 | 240 | 194 |
| `trickplay` | one ffmpeg command: JPEG sheets alone, of keyframes | 4 | 4 | 15 |
| `trickplay` | the same without `-skip_frame nokey` | 4 | 4 | 156 |
| `trickplay` | a media server's way: JPEGs by ffmpeg, then sheets and BIF | 12 | 5 | 137 |

The first two rows are ten minutes of the film, times six; the two with sheets alone are three hours
of it, divided; both on cores of their own, 2026-11-23. The other two are two minutes, scaled by a
command that ran in turns with them on a busy machine: 7.5 s of CPU where `--recipe web` took 8.7
(225 for the hour), and 9.8 s where sheets without `-skip_frame` took 11.2. `make bench` runs all of
them side by side ([benchmarks](benchmarks.md)).

On the command line, `--sheet-interval` and the like change what slices have: the poster and the
overview stay as they are.
"""

_ABOUT_FORMATS = """\
## Formats

`format` chooses what the artifacts of an output are. [Which format to choose](formats.md) says how
large and how widely read each is.
"""

_ABOUT_DOCUMENTS = """\
## Documents

`documents` names the documents to write beside the manifest, whose `tracks` list their keys. `[]`
is none. Where a recipe has several outputs that a document is made of, the first has the plain
name, and each other one a file with its own name: `storyboard-coarse.vtt`. A document that is
asked for, and that the recipe has nothing for, is an error before anything is rendered.
[documents.md](documents.md) shows how to use each.
"""


# Pages ------------------------------------------------------------------------------------------


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Lay out a Markdown table."""
    titles = list(head)
    lines = [titles, ["---"] * len(titles), *(list(row) for row in rows)]
    return "\n".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines
    )


_KINDS: dict[object, str] = {
    int: "integer",
    str: "text",
    bool: "boolean",
    float: "number",
    NoneType: "null",
    Fraction: "exact number",
    dict: "object",
}


def kind_text(kind: object) -> str:
    """Say in words what JSON a type is."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return f"[{kind.__name__}](#{kind.__name__.lower()})"
    inner = get_args(kind)
    match get_origin(kind):
        case origin if origin is Literal:
            return " or ".join(f"`{value}`" for value in inner)
        case origin if origin is tuple:
            return f"list of {kind_text(inner[0])}"
        case origin if origin is UnionType:
            return " or ".join(kind_text(each) for each in inner)
        case origin:
            return _KINDS[origin or kind]


def struct_table(struct: type[msgspec.Struct], *, without: str = "") -> str:
    """Lay out the fields of a Struct."""
    rows = [
        (f"`{f.name}`", kind_text(f.kind), f.meaning)
        for f in fields_of(struct)
        if f.name != without
    ]
    return table(("field", "type", "meaning"), rows)


def section(struct: type[msgspec.Struct], level: str = "##") -> str:
    """Write a heading, a sentence and a table about a Struct."""
    return f"{level} {struct.__name__}\n\n{summary(struct)}\n\n{struct_table(struct)}\n"


def range_text(struct: type[msgspec.Struct], field: Field) -> str:
    """Say in words what a field may be."""
    if field.kind is bool:
        return "`true` or `false`"
    least, most = limits_of(struct, field) or ("", "")
    if least and most:
        return f"{least} to {most}"
    return f"{least} or more" if least and not least.startswith("over") else least


def number_text(value: object) -> str:
    """Write a default as TOML does."""
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def cli_page() -> str:
    """Write the command line's reference."""
    look: dict[str, Any] = {**cli.context_settings, "terminal_width": _COLUMNS}
    root = click.Context(cli, info_name="scrubjay", **look)
    parts = [f"# The command line\n\n{_NOTE}\n", f"```text\n{cli.get_help(root)}\n```\n"]
    for name, command in sorted(cli.commands.items()):
        context = click.Context(command, parent=root, info_name=name, terminal_width=_COLUMNS)
        parts.append(f"## scrubjay {name}\n\n```text\n{command.get_help(context)}\n```\n")
        inner = command.commands.items() if isinstance(command, click.Group) else ()
        for verb, each in sorted(inner):
            below = click.Context(each, parent=context, info_name=verb, terminal_width=_COLUMNS)
            text = f"```text\n{each.get_help(below)}\n```"
            parts.append(f"### scrubjay {name} {verb}\n\n{text}\n")
    parts.append(_ABOUT_OUTPUT)
    parts.append(f"## Exit codes\n\n{exit_table()}\n\n### Errors\n\n{error_table()}\n")
    parts.append(f"{_ABOUT_SETTINGS}\n{settings_table(Settings)}\n")
    parts.append(f"{_ABOUT_CLUSTERS}\n{settings_table(ClusterSettings, file=False)}\n")
    return "\n".join(parts)


def exit_table() -> str:
    """Lay out the exit codes."""
    codes: type[IntEnum] = ExitCode
    rows = [(f"`{code.value}`", code.name, notes_of(codes)[code.name]) for code in codes]
    return table(("code", "name", "meaning"), rows)


def error_table() -> str:
    """Lay out the error tree with the exit code of each class."""
    rows = [
        (
            f"`{each.__name__}`",
            str(exit_code(each).value),
            "yes" if each.retryable else "no",
            summary(each),
        )
        for each in error_classes()
    ]
    return table(("error", "exit code", "retryable", "meaning"), rows)


def limits_page() -> str:
    """Write the page about limits."""
    return f"# Limits\n\n{_NOTE}\n\n{_ABOUT_LIMITS}\n{settings_table(Limits)}\n\n{_LIMITS_END}"


def settings_table(struct: type[msgspec.Struct], *, file: bool = True) -> str:
    """Lay out the settings, or the limits."""
    rows = [
        (
            f"`{option_of(f.name)}`",
            f"`{f.name}`" if file else "",
            f"`SCRUBJAY_{f.name.upper()}`",
            number_text(f.default),
            range_text(struct, f),
            f.meaning,
        )
        for f in fields_of(struct)
    ]
    return table(("option", "in the file", "environment", "default", "range", "meaning"), rows)


def events_page() -> str:
    """Write the reference of the events."""
    kinds: tuple[type[msgspec.Struct], ...] = get_args(events.Event)
    parts = [
        f"# Events\n\n{_NOTE}\n",
        _ABOUT_EVENTS,
    ]
    parts += [
        f"## `{kind.__struct_config__.tag}`\n\n{summary(kind)} In Python: "
        f"`scrubjay.events.{kind.__name__}`.\n\n{struct_table(kind, without='film')}\n"
        for kind in kinds
    ]
    parts += [section(each) for each in (SourceRef, MediaInfo, Crop, Used)]
    return "\n".join(parts)


def recipe_page() -> str:
    """Write the reference of the recipe."""
    parts = [
        f"# Recipes\n\n{_NOTE}\n",
        _ABOUT_RECIPES,
        f"```toml\n{_EXAMPLE.strip()}\n```\n",
        "```sh\nscrubjay make movie.mp4 -o previews/ --recipe my.toml\n```\n",
        "The schema is [schema/recipe.schema.json](schema/recipe.schema.json).\n",
        f"{_ABOUT_LISTS}\n```toml\n{_LISTS.strip()}\n```\n\n{_AFTER_LISTS}",
        f"```sh\n{_ADD_OUTPUTS}```\n",
        _ABOUT_GRIDS,
        _ABOUT_CHANGES,
        _ABOUT_PRESETS,
        f"## The whole recipe\n\n{summary(Recipe)}\n\n{recipe_table(Recipe, '')}\n",
    ]
    parts += [
        f"## `[{kind}]`\n\n{summary(output)}\n\n{recipe_table(output, kind)}\n"
        for kind, output in KINDS.items()
    ]
    formats = [
        (
            f"`{name}`",
            " and ".join(
                f"`{kind}`" for kind, formats in FORMATS.items() if each in formats.values()
            ),
            f"`{each.media_type}`",
            about_module(each.module),
        )
        for each, name in {
            each: name for known in FORMATS.values() for name, each in known.items()
        }.items()
    ]
    head = ("format", "of", "media type", "what it is")
    parts.append(f"{_ABOUT_FORMATS}\n{table(head, formats)}\n")
    rows = [
        (f"`{name}`", ", ".join(f"`{file}`" for file in kind.files), about_module(kind.module))
        for name, kind in DOCUMENTS.items()
    ]
    parts.append(f"{_ABOUT_DOCUMENTS}\n{table(('name', 'file', 'what it is'), rows)}\n")
    return "\n".join(parts)


def about_module(name: str) -> str:
    """Return the first paragraph of the module that makes a format or a document."""
    paragraph = (import_module(name).__doc__ or "").partition("\n\n")[0]
    return " ".join(paragraph.split())


def choices_text(field: Field, group: str) -> str:
    """Say which values a field of an output's or a recipe's may have, where there are few."""
    if field.name == "documents":
        return ", ".join(f"`{name}`" for name in DOCUMENTS)
    if field.name == "format":
        return ", ".join(f"`{name}`" for name in formats_of(group))
    return kind_text(field.kind) if get_origin(field.kind) is Literal else ""


def formats_of(kind: str) -> Iterable[str]:
    """Return the names of the formats that outputs of a kind can have."""
    return FORMATS[kind]


def recipe_table(struct: type[msgspec.Struct], group: str) -> str:
    """Lay out the fields of a recipe, or of the outputs of a kind."""
    options = {
        parameter.name: " / ".join([*parameter.opts, *parameter.secondary_opts])
        for parameter in cli.commands["make"].params
    }
    rows = [
        (
            f"`{f.name}`",
            option_text(options.get("_".join(filter(None, ("recipe", group, f.name))))),
            number_text(f.default),
            range_text(struct, f) or choices_text(f, group),
            f.meaning,
        )
        for f in fields_of(struct)
        if f.name not in KINDS
    ]
    return table(("field", "option", "default", "range", "meaning"), rows)


def option_text(option: str | None) -> str:
    """Write an option as code; an output's name has none."""
    return f"`{option}`" if option else ""


def manifest_page() -> str:
    """Return the manifest's page with new tables."""
    text = (DOCS / "manifest.md").read_text(encoding="utf-8")
    return filled(text, "fields", "\n".join(section(each, "###") for each in structs_in(Manifest)))


def filled(text: str, name: str, tables: str) -> str:
    """Return a page with new tables between two marks."""
    marks = f"<!-- {name}: written by docs/generate.py -->\n", f"<!-- end of {name} -->\n"
    before, _, rest = text.partition(marks[0])
    _, _, after = rest.partition(marks[1])
    return f"{before}{marks[0]}\n{tables}\n{marks[1]}{after}"


def simulation_page() -> str:
    """Return the page on simulations with new tables of rules and fields."""
    text = (DOCS / "simulation.md").read_text(encoding="utf-8")
    rules = table(
        ("rule", "value", "meaning", "source"),
        (
            (f"`{name}`", f"{rule.value:g} {rule.unit}".strip(), rule.means, rule.source)
            for name, rule in RULES.items()
        ),
    )
    fields = "\n".join(
        f"### {name or 'The scenario'}{f': {tag}' if tag else ''}\n\n{summary(struct)}\n\n"
        + table(
            ("field", "default", "meaning"),
            ((f"`{f.name}`", default_text(f.default), f.meaning) for f in fields_of(struct)),
        )
        + "\n"
        for name, structs in TABLES.items()
        for struct in structs
        for tag in (struct.__struct_config__.tag,)
    )
    return filled(filled(text, "rules", rules + "\n"), "fields", fields)


def default_text(default: object) -> str:
    """Write a scenario's default."""
    match default:
        case _ if default is msgspec.NODEFAULT:
            return "required"
        case None | "" | ():
            return ""
        case Amount():
            return default.text
        case Seconds():
            return f"{default:g} s"
        case msgspec.Struct():
            return ""
        case _:
            return f"`{default}`"


# Schemas ----------------------------------------------------------------------------------------

_EXACT = {
    "type": "string",
    "pattern": r"^-?[0-9]+(/[1-9][0-9]*)?$",
    "description": "An exact number: a fraction as text.",
}
_WRITTEN = {
    "anyOf": [
        {"type": "number"},
        {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+|/[1-9][0-9]*)?$"},
    ]
}


def schema(kind: object, title: str, fraction: dict[str, Any]) -> str:
    """Write the JSON Schema of a type."""

    def hook(kind: type) -> dict[str, Any]:
        if kind is Fraction:
            return json.loads(json.dumps(fraction))  # type: ignore[no-any-return]
        raise NotImplementedError(kind)

    # msgspec 0.20 writes defaults without asking any hook, and fails on a Fraction
    with patch(
        "msgspec._json_schema.to_builtins",
        partial(msgspec.to_builtins, enc_hook=_plain if fraction is _WRITTEN else _exact),
    ):
        made = msgspec.json.schema(kind, schema_hook=hook)
    for struct in structs_in(kind):
        about = made["$defs"][struct.__name__]
        about["description"] = " ".join(about["description"].split())
        properties = about["properties"]
        for field in fields_of(struct):
            _complete(properties[field.name], struct, field)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title}
    text = json.dumps(head | made, indent=2) + "\n"
    return text.replace(r"\\Z", "$")  # Python's end of text, which is `$` in JSON Schema


def recipe_schema() -> str:
    """Write the JSON Schema of a recipe file: a kind may be one section, and a preset be named."""
    made = json.loads(schema(Recipe, "Scrubjay recipe", _WRITTEN))
    fields = made["$defs"]["Recipe"]["properties"]
    fields["preset"] = {
        "enum": list(PRESETS),
        "description": "The recipe that the other fields change.",
        "default": "classic",
    }
    fields["documents"]["items"] = {"enum": list(DOCUMENTS)}
    for kind, output in KINDS.items():
        many = {name: fields[kind].pop(name) for name in ("type", "items")}
        fields[kind]["anyOf"] = [many["items"], many]
        about = made["$defs"][output.__name__]["properties"]["format"]
        about["enum"] = list(formats_of(kind))
    return json.dumps(made, indent=2) + "\n"


def _complete(about: dict[str, Any], struct: type[msgspec.Struct], field: Field) -> None:
    """Add to a property what msgspec does not know: its meaning, and bounds of exact numbers."""
    if "$ref" not in about:
        about["description"] = field.meaning
    if field.kind is Fraction and "anyOf" in about:
        limits = limits_of(struct, field)
        if limits:
            low, high = (float(Fraction(limit)) for limit in limits)
            about["anyOf"][0] |= {"minimum": low, "maximum": high}


def _exact(value: object) -> object:
    if isinstance(value, Fraction):
        return str(value)
    raise NotImplementedError(type(value))


def _plain(value: object) -> object:
    if isinstance(value, Fraction):
        return int(value) if value.denominator == 1 else float(value)
    raise NotImplementedError(type(value))


PAGES: dict[str, Callable[[], str]] = {
    "cli.md": cli_page,
    "events.md": events_page,
    "limits.md": limits_page,
    "inputs.md": lambda: inputs_page(_NOTE),
    "players.md": lambda: players_page(_NOTE),
    "recipe.md": recipe_page,
    "manifest.md": manifest_page,
    "simulation.md": simulation_page,
    "schema/manifest.schema.json": lambda: schema(Manifest, "Scrubjay manifest", _EXACT),
    "schema/events.schema.json": lambda: schema(events.Event, "Scrubjay event", _EXACT),
    "schema/recipe.schema.json": recipe_schema,
    "schema/plan.schema.json": lambda: schema(Plan, "Scrubjay plan", _EXACT),
    "schema/report.schema.json": lambda: schema(Report, "Scrubjay report of verify", _EXACT),
    "schema/record.schema.json": lambda: schema(SliceRecord, "Scrubjay slice record", _EXACT),
    "schema/usage.schema.json": lambda: schema(Usage, "Scrubjay note of usage", _EXACT),
}


def main() -> None:
    """Write every page, or check that each is up to date."""
    parser = argparse.ArgumentParser(description="Write the generated pages and schemas.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if one is stale")
    check = parser.parse_args().check
    for name, write in PAGES.items():
        path, text = DOCS / name, write()
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        if check:
            sys.exit(f"docs/{name} is stale; run: python docs/generate.py")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(f"wrote docs/{name}")


if __name__ == "__main__":
    main()
