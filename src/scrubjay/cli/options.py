"""Options made from the recipe's and the settings' own fields, shown in groups."""

from collections.abc import Callable, Collection
from fractions import Fraction
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import click
import msgspec
from msgspec import Meta
from msgspec.structs import FieldInfo

from scrubjay.limits import Limits, option_of
from scrubjay.model import KINDS, PRESETS, Recipe, TrackClock, exact
from scrubjay.registry import DOCUMENTS
from scrubjay.settings import ClusterSettings, Settings, load_recipe

__all__ = [
    "F",
    "GroupedCommand",
    "address_options",
    "clock_option",
    "database_option",
    "field_option",
    "grouped",
    "hinted",
    "output_options",
    "recipe_base",
    "recipe_from",
    "recipe_options",
    "report_options",
    "settings_options",
    "stream_option",
    "worker_options",
]

F = TypeVar("F", bound=Callable[..., Any])

_SINGULAR = {"animations": "animation", "frames": "frame", "sheets": "sheet"}


class _Exact(click.ParamType[Fraction]):
    """A number without rounding: 30, 29.97 or 30000/1001."""

    name = "number"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Fraction:
        try:
            return exact(value)
        except ValueError:
            self.fail(f"{value!r} is not a number such as 30, 29.97 or 30000/1001", param, ctx)


class _Names(click.ParamType[tuple[str, ...]]):
    """Names separated by commas; empty text is no name."""

    name = "names"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        del param, ctx
        return tuple(filter(None, str(value).split(",")))


class _GroupedOption(click.Option):
    """An option that knows under which heading the help shows it."""

    def __init__(self, *args: Any, group: str = "Options", **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        self.group = group


class GroupedCommand(click.Command):
    """A command whose help shows its options under headings."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, a section for each group, in the order of their definition."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            row = parameter.get_help_record(ctx)
            if row is not None and isinstance(parameter, click.Option):
                groups.setdefault(getattr(parameter, "group", "Help"), []).append(row)
        groups["Help"] = groups.pop("Help", [])  # last
        for name, rows in groups.items():
            with formatter.section(name):
                formatter.write_dl(rows)


def grouped(group: str, *names: str, **attributes: Any) -> Callable[[F], F]:  # noqa: ANN401
    """Declare an option under a heading; the rest is `click.option`'s."""
    return click.option(*names, cls=_GroupedOption, group=group, **attributes)


def stream_option(command: F) -> F:
    """Give a command the choice of the video's stream."""
    return grouped(
        "Video",
        "--stream",
        type=click.IntRange(min=0),
        metavar="N",
        help="Video stream of the file, 0-based.  [default: the one that browsers show]",
    )(command)


def recipe_base(command: F) -> F:
    """Give a command the choice of the recipe."""
    return grouped(
        "Recipe",
        "--recipe",
        "base",
        default="classic",
        metavar="NAME|FILE",
        help=f"{' or '.join(PRESETS)}, or a TOML file with the fields that differ from one of "
        "them. The defaults below are those of classic.",
    )(command)


def report_options(command: F) -> F:
    """Give a command the options of what it reports while it works."""
    for option in (
        grouped("Output", "--quiet", "-q", is_flag=True, help="Show no progress and no summary."),
        grouped(
            "Output",
            "--json",
            "as_json",
            is_flag=True,
            help="Write events to standard output, one JSON object per line, and show no progress.",
        ),
    ):
        command = option(command)
    return command


def clock_option(command: F) -> F:
    """Give a command the choice of the tracks' clock."""
    return grouped(
        "Output",
        "--clock",
        type=click.Choice(get_args(TrackClock)),
        help="Clock of the times in tracks: the video's own (media), or one that begins at 0 "
        "(zero). [default: media for MP4, WebM and Matroska, whose clock most browsers keep; "
        "otherwise zero]",
    )(command)


def output_options(command: F) -> F:
    """Give a command the options of where sets go and what it reports."""
    for option in (
        report_options,
        clock_option,
        grouped(
            "Output",
            "--remove-stale",
            is_flag=True,
            help="Delete the files of earlier recipes and videos from DIR.",
        ),
        grouped(
            "Output",
            "--output",
            "-o",
            "output",
            required=True,
            metavar="DIR",
            help="Folder for the previews, created if missing; or s3://, gs:// or az:// and a "
            "bucket. For many videos also: beside, or a template such as "
            "'{folder}/{stem}.trickplay'.",
        ),
    ):
        command = option(command)
    return command


def recipe_options(command: F) -> F:
    """Give a command an option for every field of the recipe, and one for more outputs."""
    command = grouped(
        "Outputs",
        "--add-output",
        "added",
        multiple=True,
        metavar="KIND,FIELD=VALUE,...",
        help="Add an output to those of the recipe, such as "
        "animations,name=small,width=160; can be repeated.",
    )(command)
    command = grouped(
        "Outputs",
        "--documents",
        _parameter("documents"),
        type=_Names(),
        metavar="NAME,...",
        help=f"Documents to write beside the manifest: any of {', '.join(DOCUMENTS)}.  "
        f"[default: {','.join(Recipe().documents)}]",
    )(command)
    for name, hint, default in reversed(list(_recipe_fields())):
        kind, _, field = name.rpartition(".")
        if name in KINDS:
            command = grouped(
                name.capitalize(),
                f"--{name}/--no-{name}",
                _parameter(name),
                default=None,
                help=f"Make {name}.  [default: yes]",
            )(command)
            continue
        flag = f"--{'-'.join(filter(None, (_SINGULAR.get(kind), field))).replace('_', '-')}"
        group = kind.capitalize() or "Slices"
        command = field_option(group, flag, _parameter(name), hint, default)(command)
    return command


def settings_options(command: F) -> F:
    """Give a command an option for every setting and every limit."""
    return _field_options(_field_options(command, "Limits", Limits), "Running", Settings)


def address_options(command: F) -> F:
    """Give a command only the settings that opening an address needs."""
    return _field_options(command, "Running", Settings, only=_ADDRESS_FIELDS)


def database_option(command: F) -> F:
    """Give a command the choice of a cluster's queue."""
    return _field_options(command, "Running", ClusterSettings)


def worker_options(command: F) -> F:
    """Give a command the settings and limits that a worker of a cluster needs."""
    with_settings = _field_options(command, "Running", Settings, only=_WORKER_FIELDS)
    return _field_options(with_settings, "Limits", Limits)


_WORKER_FIELDS = ("stall_timeout", "sandbox", "private_addresses", "endpoint")

_ADDRESS_FIELDS = ("private_addresses", "endpoint")


def _field_options(
    command: F, group: str, struct: type[msgspec.Struct], *, only: Collection[str] = ()
) -> F:
    """Give a command an option for each field of a struct, or only for those named."""
    for field, hint in reversed(hinted(struct)):
        if only and field.name not in only:
            continue
        flag = option_of(field.name)
        if isinstance(field.default, bool):
            flag = f"{flag}/--no-{flag.removeprefix('--')}"
        command = field_option(group, flag, field.name, hint, field.default)(command)
    return command


def recipe_from(values: dict[str, Any], base: str) -> Recipe:
    """Remove the recipe's options from a command's values, and return the recipe."""
    names = [*(name for name, _, _ in _recipe_fields()), "documents"]
    flags = {name: values.pop(_parameter(name)) for name in names}
    return load_recipe(flags, base, values.pop("added"))


@cache
def _recipe_fields() -> tuple[tuple[str, object, object], ...]:
    """Return each field of the recipe, and each kind of output: dotted name, hint, default."""
    found: list[tuple[str, object, object]] = [
        (field.name, hint, field.default)
        for field, hint in hinted(Recipe)
        if get_origin(hint) is Annotated
    ]
    for kind, output in KINDS.items():
        found.append((kind, bool, True))
        found.extend(
            (f"{kind}.{field.name}", hint, field.default)
            for field, hint in hinted(output)
            if field.name != "name"
        )
    return tuple(found)


@cache
def hinted(struct: Any) -> tuple[tuple[FieldInfo, Any], ...]:  # noqa: ANN401  a hint as it comes
    """Return each field of a struct with its annotation."""
    hints = get_type_hints(struct, include_extras=True)
    return tuple((field, hints[field.name]) for field in msgspec.structs.fields(struct))


def _parameter(name: str) -> str:
    return f"recipe_{name.replace('.', '_')}"


def field_option(
    group: str, flag: str, parameter: str, hint: object, default: object
) -> Callable[[F], F]:
    """Return what gives a command the option of a field.

    Args:
        group: the heading under which help shows it.
        flag: such as `--width`.
        parameter: the name under which the command gets the value; None if it is not given.
        hint: the field's annotation.
        default: what the help names as the default.
    """
    kind, *notes = get_args(hint)
    note = next((each for each in notes if isinstance(each, Meta)), Meta())
    description = note.description or ""
    attributes: dict[str, Any] = {"default": None, "help": description}
    if kind is bool:
        attributes["help"] = f"{description}  [default: {'yes' if default else 'no'}]"
    else:
        attributes["type"] = _Exact() if kind is Fraction else kind
        if get_origin(kind) is Literal:
            attributes["type"] = click.Choice(get_args(kind))
        attributes["metavar"] = (note.extra or {}).get("metavar", "URL" if kind is str else "N")
        if default not in {None, ""}:
            attributes["help"] = f"{description}  [default: {default}]"
    return grouped(group, flag, parameter, **attributes)
