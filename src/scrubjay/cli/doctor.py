"""`scrubjay doctor`: what is in a file, what Scrubjay does about it, and what a person can do."""

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from scrubjay.cli.exits import exit_code
from scrubjay.cli.options import GroupedCommand, grouped, settings_options, stream_option
from scrubjay.cli.report import reported, show
from scrubjay.cli.setup import Setup
from scrubjay.errors import SourceDamagedError, error_class
from scrubjay.model import encode_pretty

if TYPE_CHECKING:
    from scrubjay.doctor import Diagnosis, Finding

__all__ = ["doctor"]

_COLUMNS = 100


@click.command(
    cls=GroupedCommand,
    short_help="Explain what is in a file and what can be done about it.",
    epilog="\b\nExamples:\n  scrubjay doctor movie.mp4\n  scrubjay doctor movie.mp4 --json\n"
    "  scrubjay doctor",
)
@click.argument("video", required=False)
@grouped("Output", "--json", "as_json", is_flag=True, help="Write a JSON object instead.")
@grouped(
    "Output",
    "--decode/--no-decode",
    default=True,
    help="Decode a picture of each second to find damage.  [default: yes]",
)
@stream_option
@settings_options
def doctor(video: str | None, *, as_json: bool, decode: bool, **values: Any) -> None:  # noqa: ANN401
    """Explain what is in VIDEO, what Scrubjay does about it, and what you can do.

    Without VIDEO, describe this machine. The exit code is 3 if no previews can be made from VIDEO,
    and with --strict also if it is damaged.
    """
    from scrubjay.doctor import examine_machine  # noqa: PLC0415  other commands do not need it

    with reported(as_json=as_json):
        machine, setup = examine_machine(), Setup(values)
        found = None
        if video is not None:
            found = _examined(video, setup, stream=values["stream"], decode=decode)
        if as_json:
            show(encode_pretty({"machine": machine, "video": found}), nl=False)
        else:
            show("\n".join(_lines(found, machine)))
        if found is None:
            return
        if not found.makes_previews:
            raise SystemExit(exit_code(error_class(found.error)))
        if found.is_damaged and setup.settings.strict:
            raise SystemExit(exit_code(SourceDamagedError))


def _examined(video: str, setup: Setup, *, stream: int | None, decode: bool) -> "Diagnosis":
    from scrubjay.doctor import examine  # noqa: PLC0415  other commands do not need it

    place = setup.place(video, stream=stream)
    with setup.engine() as engine:
        return examine(place, engine, decode=decode)


def _lines(found: "Diagnosis | None", machine: "tuple[Finding, ...]") -> Iterator[str]:
    if found is None:
        yield "This machine"
        yield from _rows(machine)
        return
    yield found.name
    yield from _rows(found.findings)
    if found.makes_previews:
        gaps = ", with gaps" if found.error else ""
        yield f"Scrubjay can make previews of this video{gaps}."
    else:
        yield "Scrubjay cannot make previews of this video."


def _rows(findings: "tuple[Finding, ...]") -> Iterator[str]:
    for each in findings:
        yield _wrapped(f"  {each.topic:<11} {each.found}")
        if each.done:
            yield _wrapped(f"  {'':<11} Scrubjay: {each.done}")
        if each.advice:
            yield _wrapped(f"  {'':<11} You: {each.advice}")


def _wrapped(text: str) -> str:
    return textwrap.fill(
        text, _COLUMNS, subsequent_indent=" " * 16, break_long_words=False, break_on_hyphens=False
    )
