"""`scrubjay verify`: whether finished sets hold, and what is wrong with those that do not."""

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from scrubjay.cli.exits import ExitCode
from scrubjay.cli.options import GroupedCommand, grouped, settings_options
from scrubjay.cli.report import reported, say, show
from scrubjay.cli.setup import Setup
from scrubjay.cli.words import count_text, size_text
from scrubjay.model import encode_pretty
from scrubjay.shown import printable
from scrubjay.timing import short_clock
from scrubjay.verifying import SAMPLES

if TYPE_CHECKING:
    from scrubjay.verifying.report import Finding, Report, SetReport

__all__ = ["verify"]

_COLUMNS = 100
_MOST_SHOWN = 20
"""Findings of one set that people see; `--json` has all."""


@click.command(
    cls=GroupedCommand,
    short_help="Check that finished sets are whole and right.",
    epilog="\b\nExamples:\n"
    "  scrubjay verify previews/\n"
    "  scrubjay verify previews/ --source movie.mp4 --sample 50\n"
    "  scrubjay verify library/ --json\n"
    "  scrubjay verify previews/ --source movie.mp4 --repair",
)
@click.argument("destination")
@grouped(
    "Video",
    "--source",
    metavar="VIDEO",
    help="The video of the set: some pictures are then compared with it.",
)
@grouped(
    "Video",
    "--sample",
    type=click.IntRange(min=1),
    default=SAMPLES,
    metavar="N",
    help=f"Pictures to compare with the video.  [default: {SAMPLES}]",
)
@grouped(
    "Video",
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Another number compares other pictures.  [default: 0]",
)
@grouped("Output", "--json", "as_json", is_flag=True, help="Write a JSON object instead.")
@grouped(
    "Output",
    "--repair",
    is_flag=True,
    help="Remove what is wrong, make it again (with --source) and publish the set.",
)
@settings_options
def verify(
    destination: str,
    *,
    source: str | None,
    sample: int,
    seed: int,
    as_json: bool,
    repair: bool,
    **values: Any,  # noqa: ANN401  the settings' own options
) -> None:
    """Read the sets in DESTINATION again, and report what is not as it should be.

    DESTINATION is a set, or a folder or bucket with sets below it. Without --repair, nothing is
    changed. The exit code is 9 if a set does not hold.
    """
    from scrubjay.verifying.verify import verify as read_again  # noqa: PLC0415  slow to load

    with reported(as_json=as_json, resumable=False):
        setup = Setup(values)
        place, video = setup.place(destination), setup.place(source) if source else None

        def verified() -> "Report":
            return read_again(
                place,
                source=video,
                samples=sample,
                seed=seed,
                workers=setup.settings.workers,
                stall_timeout=setup.settings.stall_timeout,
                sandbox=setup.settings.sandbox,
                limits=setup.limits,
            )

        report = verified()
        if repair and not report.holds:
            from scrubjay.repairing import repair as make_whole  # noqa: PLC0415  slow to load

            with setup.engine() as engine:
                removed = make_whole(place, report, source=video, engine=engine)
            say(f"Repaired: {count_text(removed, 'object')} removed. The sets are read again.")
            report = verified()
        text = encode_pretty(report) if as_json else "\n".join(_lines(report))
        show(text, nl=not as_json)
        if not report.holds:
            raise SystemExit(ExitCode.UNSOUND)


def _lines(report: "Report") -> Iterator[str]:
    """Describe a report: each set that does not hold, and the others in a line."""
    holding = [each for each in report.sets if each.holds]
    for each in report.sets:
        if not each.holds:
            yield from _broken(each)
    if len(report.sets) == 1:
        yield from (line for each in holding for line in _whole(each))
        return
    total = f"{len(holding)} of {len(report.sets)} sets hold"
    yield f"{total}: {_read(report.sets)}."
    stale = sum(len(_stale(each)) for each in report.sets)
    if stale:
        yield _stale_line(stale)


def _whole(report: "SetReport") -> Iterator[str]:
    yield printable(f"{report.destination} holds: {_read([report])}.")
    if report.gaps:
        yield f"It has {count_text(report.gaps, 'gap')}, which the manifest lists."
    if report.not_compared:
        yield printable(f"Note: {report.not_compared}.")
    if stale := _stale(report):
        yield _stale_line(len(stale))


def _broken(report: "SetReport") -> Iterator[str]:
    wrong = report.wrong
    number = count_text(len(wrong) + report.left_out, "finding")
    yield printable(f"{report.destination} does not hold: {number}.")
    for each in wrong[:_MOST_SHOWN]:
        yield textwrap.fill(
            printable(f"  {each.check:<11} {_sentence(each)}"),
            _COLUMNS,
            subsequent_indent=" " * 14,
            break_long_words=False,
            break_on_hyphens=False,
        )
    if len(wrong) + report.left_out > _MOST_SHOWN:
        yield f"  ... and {len(wrong) + report.left_out - _MOST_SHOWN} more (--json lists them)"
    if report.not_compared:
        yield printable(f"  Note: {report.not_compared}.")


def _sentence(finding: "Finding") -> str:
    where = finding.key
    if finding.start is not None:
        where = f"{where} at {short_clock(max(0, finding.start))}"
    text = f"{where}: {finding.message}" if where else finding.message
    if finding.expected or finding.found:
        text += f" (expected {finding.expected or 'nothing'}, found {finding.found or 'nothing'})"
    return text


def _stale(report: "SetReport") -> "list[Finding]":
    return [each for each in report.findings if not each.is_wrong]


def _stale_line(number: int) -> str:
    return (
        f"{count_text(number, 'object')} of earlier plans {'is' if number == 1 else 'are'} still "
        "there; delete with scrubjay prune."
    )


def _read(reports: "list[SetReport] | tuple[SetReport, ...]") -> str:
    """Say what was looked at."""
    objects = sum(each.objects for each in reports)
    size = size_text(sum(each.size_bytes for each in reports))
    compared = sum(each.compared for each in reports)
    facts = [
        f"{count_text(objects, 'object')} ({size}) read",
        f"{count_text(sum(each.pictures for each in reports), 'picture')} decoded",
        f"{count_text(sum(each.documents for each in reports), 'document')} compared",
    ]
    if compared:
        facts.append(f"{count_text(compared, 'picture')} compared with the video")
    return ", ".join(facts)
