"""`scrubjay gif`, `frame` and `sheet`: one file of a video, made at once."""

import sys
from collections.abc import Callable, Collection, Iterator
from fractions import Fraction
from pathlib import Path
from time import monotonic
from typing import Annotated, Any, Generic, NamedTuple, TypeVar, get_origin

import click
from msgspec.structs import replace

from scrubjay.cli.options import (
    F,
    GroupedCommand,
    field_option,
    grouped,
    hinted,
    settings_options,
    stream_option,
)
from scrubjay.cli.report import reported, say, show
from scrubjay.cli.setup import Setup
from scrubjay.cli.words import describe_excerpt, describe_unconfined
from scrubjay.engines.base import Engine
from scrubjay.errors import DestinationError, RecipeError, SourceDamagedError
from scrubjay.events import Event, OnEvent, Unconfined
from scrubjay.excerpt import (
    CONTACT,
    DARK,
    FRAME,
    GIF,
    PLAIN,
    Excerpt,
    file_formats,
    frame,
    gif,
    sheet,
)
from scrubjay.model import Animation, Output, Recipe, Sheet, Still, encode
from scrubjay.places.place import Place
from scrubjay.sets.store import Store
from scrubjay.timing import parsed_clock

__all__ = ["VERBS"]

Made = TypeVar("Made", Animation, Still, Sheet)

_STANDARD_OUTPUT = "-"

_DECIDED = {"name", "kind", "per", "of", "moments", "seconds"}
"""Fields of outputs that these commands decide."""


class _Given(NamedTuple, Generic[Made]):
    """What a command got from its options."""

    source: Place
    output: Made
    recipe: Recipe
    engine: Engine
    on_progress: OnEvent


class _Clock(click.ParamType[Fraction]):
    """A time in a video: 62, 1:02.5 or 1:02:03."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Fraction:
        try:
            return parsed_clock(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _range_options(command: F) -> F:
    """Give a command the choice of a range of the video."""
    for flag, text in (
        ("--duration", "How long the range is, instead of --end."),
        ("--end", "Where the range ends.  [default: the end of the video]"),
        ("--start", "Where the range begins: 62, 1:02, 1:02.5 or 1:02:03.  [default: 0]"),
    ):
        command = grouped("Range", flag, type=_Clock(), metavar="TIME", help=text)(command)
    return command


def _range_from(values: dict[str, Any]) -> tuple[Fraction, Fraction | None]:
    """Return the start and the end of the range that a command's options say.

    Raises:
        RecipeError: they say the end twice.
    """
    start, end, duration = values["start"] or Fraction(0), values["end"], values["duration"]
    if duration is None:
        return start, end
    if end is not None:
        raise RecipeError("--end and --duration both say where the range ends; give one of them")
    return start, start + duration


def _fields(output: Output) -> Iterator[tuple[str, object]]:
    """Yield the fields of an output that are options, with their annotations."""
    for field, hint in hinted(type(output)):
        if field.name not in _DECIDED:
            yield field.name, hint


def _recipe_fields() -> Iterator[tuple[str, object]]:
    """Yield the fields of a recipe that are options: how pictures are chosen and painted."""
    for field, hint in hinted(Recipe):
        if get_origin(hint) is Annotated and field.name != "slice_length":
            yield field.name, hint


def _file_options(output: Output, recipe: Recipe) -> Callable[[F], F]:
    """Return what gives a command the options for its file: what it is, and where it goes."""

    def add(command: F) -> F:
        command = stream_option(settings_options(command))
        for name, hint in reversed([*_recipe_fields()]):
            default, flag = getattr(recipe, name), f"--{name}"
            command = field_option("Picture", flag, f"recipe_{name}", hint, default)(command)
        for name, hint in reversed([*_fields(output)]):
            default = None if name in _unstated(output) else getattr(output, name)
            flag = f"--{name.replace('_', '-')}"
            command = field_option("Picture", flag, f"output_{name}", hint, default)(command)
        for option in (
            grouped("Output", "--quiet", "-q", is_flag=True, help="Print nothing about the file."),
            grouped("Output", "--json", "as_json", is_flag=True, help="Describe the file as JSON."),
            grouped(
                "Output",
                "--output",
                "-o",
                "output",
                required=True,
                metavar="FILE",
                help="The file, whose suffix says its format; also at s3://, gs:// or az://. "
                "- is standard output.",
            ),
        ):
            command = option(command)
        return command

    return add


def _unstated(output: Output) -> Collection[str]:
    """Return the fields whose default the help does not name: others decide it."""
    return ("format", "interval") if isinstance(output, Sheet) else ("format",)


_EXAMPLES = "\b\nExamples:\n"


@click.command(
    "gif",
    cls=GroupedCommand,
    short_help="Make one animation of a range of a video.",
    epilog=f"{_EXAMPLES}"
    "  scrubjay gif movie.mp4 --start 0:02 --end 0:05 -o moment.gif\n"
    "  scrubjay gif movie.mp4 --start 2.5 --duration 2 --max-bytes 500000 -o small.webp\n"
    "  scrubjay gif movie.mp4 --end 0:03 --format mp4 -o -",
)
@click.argument("video")
@_range_options
@_file_options(GIF, PLAIN)
def gif_verb(video: str, **values: Any) -> None:  # noqa: ANN401
    """Make an animation of a range of VIDEO: a GIF, or any other animated format.

    VIDEO is a file, or an address that begins with https://, s3://, gs:// or az://.
    """

    def make(given: _Given[Animation]) -> Excerpt:
        start, end = _range_from(values)
        return gif(
            given.source,
            start=start,
            end=end,
            animation=given.output,
            recipe=given.recipe,
            engine=given.engine,
            on_progress=given.on_progress,
        )

    _carry_out(video, values, GIF, PLAIN, make)


@click.command(
    "frame",
    cls=GroupedCommand,
    short_help="Make a picture of the frame at one time of a video.",
    epilog=f"{_EXAMPLES}"
    "  scrubjay frame movie.mp4 --at 0:07.5 -o still.jpg\n"
    "  scrubjay frame movie.mp4 --at 7 --width 640 --format png -o -",
)
@click.argument("video")
@grouped(
    "Range",
    "--at",
    type=_Clock(),
    required=True,
    metavar="TIME",
    help="The time: 62, 1:02, 1:02.5 or 1:02:03.",
)
@_file_options(FRAME, PLAIN)
def frame_verb(video: str, *, at: Fraction, **values: Any) -> None:  # noqa: ANN401
    """Make a picture of the frame that a player shows of VIDEO at a time.

    VIDEO is a file, or an address that begins with https://, s3://, gs:// or az://.
    """

    def make(given: _Given[Still]) -> Excerpt:
        return frame(
            given.source,
            at=at,
            still=given.output,
            recipe=given.recipe,
            engine=given.engine,
            on_progress=given.on_progress,
        )

    _carry_out(video, values, FRAME, PLAIN, make)


@click.command(
    "sheet",
    cls=GroupedCommand,
    short_help="Make a contact sheet of a video.",
    epilog=f"{_EXAMPLES}"
    "  scrubjay sheet movie.mp4 -o contact.jpg\n"
    "  scrubjay sheet movie.mp4 --columns 3 --rows 2 --width 400 --no-header -o contact.webp\n"
    "  scrubjay sheet movie.mp4 --start 0:02 --interval 2 -o every-two-seconds.jpg",
)
@click.argument("video")
@_range_options
@grouped(
    "Picture",
    "--header/--no-header",
    default=True,
    help="Write the video's name, length and size above the pictures.  [default: yes]",
)
@_file_options(CONTACT, DARK)
def sheet_verb(video: str, *, header: bool, **values: Any) -> None:  # noqa: ANN401
    """Make a contact sheet of VIDEO, or of a range of it: pictures with their times.

    The pictures are spread over the range, as many as fill the rows. With --interval, there is one
    for each so many seconds, in as many rows as that takes.

    VIDEO is a file, or an address that begins with https://, s3://, gs:// or az://.
    """

    def make(given: _Given[Sheet]) -> Excerpt:
        start, end = _range_from(values)
        contact = given.output
        if values["output_interval"] is not None:
            if values["output_rows"]:
                raise RecipeError("--interval decides how many rows there are; leave out --rows")
            contact = replace(contact, rows=0)
        return sheet(
            given.source,
            start=start,
            end=end,
            sheet=contact,
            header=header,
            recipe=given.recipe,
            engine=given.engine,
            on_progress=given.on_progress,
        )

    _carry_out(video, values, CONTACT, DARK, make)


VERBS = (gif_verb, frame_verb, sheet_verb)


def _carry_out(
    video: str,
    values: dict[str, Any],
    output: Made,
    recipe: Recipe,
    make: Callable[[_Given[Made]], Excerpt],
) -> None:
    """Make a file of a video, write it, and report it.

    Args:
        video: the address.
        values: of the command's options.
        output: the defaults of the file.
        recipe: the defaults of how pictures are chosen and painted.
        make: makes it.
    """
    target, as_json, began = values["output"], values["as_json"], monotonic()
    events: list[Event] = []
    with reported(as_json=as_json):
        setup = Setup(values)
        source = setup.place(video, stream=values["stream"])
        _check_target(target, source, setup, as_json=as_json)
        with setup.engine() as engine:
            made = make(
                _Given(
                    source,
                    _output_from(values, output, target),
                    _changed(recipe, "recipe_", values),
                    engine,
                    events.append,
                )
            )
        if made.damaged_packets and setup.settings.strict:
            raise SourceDamagedError(
                f"{source.name} is damaged there (packets: {made.damaged_packets}); nothing was "
                "written, because damage is an error with --strict"
            )
        if target == _STANDARD_OUTPUT:
            show(made.data, nl=False)
        else:
            store, key = _store_for(target, setup)
            store.put(key, made.data, made.media_type)
            show(encode(_facts(made, target)) if as_json else target)
        if not (values["quiet"] or as_json):
            budget = values.get("output_max_bytes") or 0
            say(describe_excerpt(made, monotonic() - began, max_bytes=budget))
            for event in events:
                if isinstance(event, Unconfined):
                    say(describe_unconfined(event))


def _check_target(target: str, source: Place, setup: Setup, *, as_json: bool) -> None:
    """Check that a file can be written, before it is made.

    Raises:
        RecipeError: standard output cannot take it.
        DestinationError: it would overwrite the video, or what is no file.
    """
    if target == _STANDARD_OUTPUT:
        if as_json:
            raise RecipeError("--json and -o - both write to standard output; use one of them")
        if sys.stdout.isatty():
            raise RecipeError("standard output is a terminal; use -o FILE, or a pipe")
        return
    _store_for(target, setup)
    place = setup.place(target)
    if not place.is_local:
        is_source = place.address == source.address
    else:
        path = Path(place.address)
        if path.exists() and not path.is_file():
            raise DestinationError(f"{target} is not a file, so it cannot be overwritten")
        is_there = source.is_local and path.exists() and Path(source.address).exists()
        is_source = is_there and path.samefile(source.address)
    if is_source:
        raise DestinationError(f"{target} is the video itself; use another name")


def _store_for(target: str, setup: Setup) -> tuple[Store, str]:
    """Return the folder or bucket of a file, and its key there."""
    place = setup.place(target)
    folder, _, name = place.address.rpartition("/")
    return Store.open(replace(place, address=folder or "/")), name


def _output_from(values: dict[str, Any], output: Made, target: str) -> Made:
    """Return the output that a command's options describe.

    Raises:
        RecipeError: a value is wrong, or nothing says the format.
    """
    if values["output_format"] is None:
        values["output_format"] = _format_of(target, output)
    return _changed(output, "output_", values)


def _format_of(target: str, output: Output) -> str:
    """Return the format that a file's suffix says."""
    if target == _STANDARD_OUTPUT:
        return output.format
    formats = file_formats(output.kind)
    suffix = Path(target).suffix.removeprefix(".").lower()
    for name, format_ in formats.items():
        if suffix in {name, format_.suffix}:
            return name
    known = ", ".join(dict.fromkeys(f".{each.suffix}" for each in formats.values()))
    raise RecipeError(
        f"the suffix of {target} says no format; use {known}, or --format {' or '.join(formats)}"
    )


S = TypeVar("S", Animation, Still, Sheet, Recipe)


def _changed(default: S, prefix: str, values: dict[str, Any]) -> S:
    """Return a value with the fields that options say.

    Raises:
        RecipeError: one of them is wrong.
    """
    given = {
        name.removeprefix(prefix): value
        for name, value in values.items()
        if name.startswith(prefix) and value is not None
    }
    try:
        return replace(default, **given)
    except ValueError as error:
        raise RecipeError(str(error)) from error


def _facts(made: Excerpt, target: str) -> dict[str, object]:
    """Return what a program may want to know of a file."""
    return {
        "file": target,
        "media_type": made.media_type,
        "size_bytes": len(made.data),
        "width": made.width,
        "height": made.height,
        "start": float(made.start),
        "end": float(made.end),
        "pictures": made.pictures,
        "source_times": [float(time) for time in made.source_times],
        "damaged_packets": made.damaged_packets,
    }
