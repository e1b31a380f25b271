"""`scrubjay estimate`: what making previews will cost, before it is done."""

# ruff: noqa: PLC0415  what only an estimate needs is loaded by that alone
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from time import process_time
from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import asdict

from scrubjay.cli.exits import ExitCode
from scrubjay.cli.options import (
    GroupedCommand,
    grouped,
    recipe_base,
    recipe_from,
    recipe_options,
    settings_options,
    stream_option,
)
from scrubjay.cli.report import reported, say, show
from scrubjay.cli.setup import Setup
from scrubjay.cli.simulate import check_libraries, check_outputs, write_output
from scrubjay.cli.words import table
from scrubjay.errors import RecipeError
from scrubjay.model import encode_pretty
from scrubjay.places.place import Place
from scrubjay.timing import parsed_clock

if TYPE_CHECKING:
    from scrubjay.engines.base import Engine
    from scrubjay.estimating.charging import Profile
    from scrubjay.estimating.estimate import Answer, Asked
    from scrubjay.estimating.surveying import Survey

__all__ = ["estimate"]

_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_LENGTH = re.compile(r"(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?"
                     r"(?:(\d+(?:\.\d+)?)s)?")  # fmt: skip

_CLUSTER_WORKERS, _FUNCTIONS = 8, 1000
_SECONDS, _SECONDS_OF_MANY = 15.0, 120.0


class _Length(click.ParamType[Fraction]):
    """How long something lasts: 3h, 1h30m, 90s, 1:30:00 or 5400."""

    name = "length"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Fraction:
        text = str(value).strip()
        try:
            found = _LENGTH.fullmatch(text)
            if text and found and any(found.groups()):
                parts = zip(found.groups(default="0"), _UNITS.values(), strict=True)
                length = sum((Fraction(part) * unit for part, unit in parts), Fraction(0))
            else:
                length = parsed_clock(text)
        except ValueError:
            self.fail(f"{text!r} is not a length such as 3h, 1h30m, 90s or 1:30:00", param, ctx)
        if length <= 0:
            self.fail(f"{text!r} must be more than 0", param, ctx)
        return length


@click.command(
    cls=GroupedCommand,
    short_help="Estimate time, bytes and money before previews are made.",
    epilog="\b\nExamples:\n"
    "  scrubjay estimate movie.mp4 --recipe web --no-choices\n"
    "  scrubjay estimate --duration 3h --count 1000 --engine aws-lambda\n"
    "  scrubjay estimate films/ --workers 8\n"
    "  scrubjay estimate --check previews/",
)
@click.argument("videos", nargs=-1, metavar="[VIDEO|FOLDER]...")
@grouped(
    "What",
    "--duration",
    type=_Length(),
    metavar="TIME",
    help="How long a video is, such as 3h; by default as long as VIDEO. Without VIDEO, a film in "
    "720p is assumed.",
)
@grouped(
    "What",
    "--count",
    type=click.IntRange(min=1),
    default=1,
    metavar="N",
    help="How many such videos.  [default: 1]",
)
@grouped(
    "What",
    "--check",
    metavar="DESTINATION",
    help="Compare an estimate with what making the set in DESTINATION used; with VIDEO, parts of "
    "it are rendered again.",
)
@grouped(
    "Where",
    "--engine",
    "kind",
    type=click.Choice(["local", "procrastinate", "aws-lambda"]),
    default="local",
    help="Where slices would be made: on this machine, by workers of a queue, or by functions.  "
    "[default: local]",
)
@grouped(
    "Where",
    "--transport",
    type=click.Choice(["eventbridge", "sns", "lambda", "sqs"]),
    default="eventbridge",
    help="What carries slices to functions.  [default: eventbridge]",
)
@grouped(
    "Where",
    "--memory-mb",
    type=click.IntRange(128, 10240),
    default=1769,
    metavar="N",
    help="Memory of a function; 1769 is one processor.  [default: 1769]",
)
@grouped(
    "Where",
    "--architecture",
    type=click.Choice(["arm64", "x86_64"]),
    default="arm64",
    help="Of functions, for their price.  [default: arm64]",
)
@grouped("Where", "--prices", default="aws-us-east-1", metavar="NAME|FILE",
         help="Prices.  [default: aws-us-east-1]")  # fmt: skip
@grouped(
    "Sampling",
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    metavar="N",
    help="Time after which no other part of a video is rendered.  [default: 15; 120 for many "
    "videos]",
)
@grouped("Sampling", "--seed", type=int, default=1, help="Of the choice of parts.  [default: 1]")
@grouped(
    "Sampling",
    "--choices/--no-choices",
    default=True,
    help="Also estimate neighbouring choices: stills, formats, slice lengths.  [default: yes]",
)
@grouped("Output", "--json", "as_json", is_flag=True, help="Write a JSON object instead of text.")
@grouped("Output", "--html", metavar="FILE", help="Write a page with charts to FILE.")
@stream_option
@recipe_base
@recipe_options
@settings_options
def estimate(
    videos: tuple[str, ...],
    *,
    check: str | None,
    base: str,
    as_json: bool,
    html: str | None,
    **values: Any,  # noqa: ANN401  the recipe's and the settings' own options
) -> None:
    """Estimate what making the previews of VIDEO, or of all videos in FOLDER, will cost.

    A few parts of the video are rendered into a temporary folder, by the workers that would make
    the set. Ctrl-C ends that early, and shows what was measured so far.
    """
    with reported(as_json=as_json):
        check_outputs(html)
        check_libraries("plotly" if html else "", command="estimate --html")
        recipe, setup = recipe_from(values, base), Setup(values)
        places = [setup.place(each, stream=values["stream"]) for each in videos]
        if check is not None:
            _check(check, places, setup, values, html, as_json=as_json)
            return
        from scrubjay.estimating.estimate import Asked
        from scrubjay.estimating.pieces import Cost
        from scrubjay.library.film import is_library
        from scrubjay.prices.book import load_prices

        own = process_time()
        asked = Asked(
            recipe=recipe,
            profile=_profile(values, setup, places),
            prices=load_prices(values["prices"]),
            seconds=values["seconds"] or _SECONDS,
            own_start=Cost(cpu=own, seconds=own),
            videos=values["count"],
            duration=values["duration"],
            seed=values["seed"],
            has_choices=values["choices"],
        )
        if len(places) > 1 or any(map(is_library, places)):
            _many(places, setup, asked, values, html, as_json=as_json)
        else:
            _one(places, setup, asked, html, as_json=as_json)


def _profile(values: Mapping[str, Any], setup: Setup, places: Sequence[Place]) -> "Profile":
    from scrubjay.engines.crew import cores
    from scrubjay.estimating.charging import Profile

    defaults = {"local": cores(), "procrastinate": _CLUSTER_WORKERS, "aws-lambda": _FUNCTIONS}
    return Profile(
        engine=values["kind"],
        workers=setup.settings.workers or defaults[values["kind"]],
        transport=values["transport"],
        memory_mb=values["memory_mb"],
        architecture=values["architecture"],
        is_remote=any(not place.is_local for place in places),
    )


def _one(
    places: Sequence[Place], setup: Setup, asked: "Asked", html: str | None, *, as_json: bool
) -> None:
    from scrubjay.estimating.estimate import estimate_assumed, estimate_video
    from scrubjay.estimating.reporting import choice_lines, cutting_rows, estimate_rows

    if places:
        say(f"rendering parts of {places[0].name} for about {asked.seconds:.0f} s")
        with _engine(setup) as engine:
            answer = estimate_video(places[0], engine, asked)
    elif asked.duration is None:
        raise RecipeError("name a VIDEO or a FOLDER, or say how long a film is with --duration")
    else:
        answer = estimate_assumed(asked, setup.limits)
    found = answer.estimate
    rows = [*estimate_rows(found), *cutting_rows(answer.cutting)]
    if html:
        from scrubjay.estimating.page import estimate_page

        page = estimate_page(
            f"Estimate: {found.video}", rows, found, answer.costs, answer.cutting, answer.choices
        )
        write_output(html, page)
    if as_json:
        show(encode_pretty(_as_json(answer)), nl=False)
    else:
        lines = [table(found.video, rows)]
        if answer.choices:
            lines += ["choices", *choice_lines(answer.choices)]
        show("\n".join(lines))
    _end(is_stopped=found.sampled.is_stopped)


def _as_json(answer: "Answer") -> dict[str, object]:
    return {
        "estimate": answer.estimate,
        "cutting": answer.cutting,
        "costs": answer.costs._asdict(),
        "choices": [asdict(each) for each in answer.choices],
    }


def _many(
    places: Sequence[Place],
    setup: Setup,
    asked: "Asked",
    values: Mapping[str, Any],
    html: str | None,
    *,
    as_json: bool,
) -> None:
    from scrubjay.errors import SourceNotFoundError
    from scrubjay.estimating.estimate import estimate_many
    from scrubjay.library.finding import film_at, find, is_library

    if asked.duration is not None or asked.videos != 1:
        raise RecipeError("--duration and --count are for one VIDEO, or for none")
    films = [
        film
        for place in places
        for film in (find(place) if is_library(place) else [film_at(place)])
    ]
    if not films:
        raise SourceNotFoundError(f"{places[0].shown}: no videos were found")
    limited = asked._replace(seconds=values["seconds"] or _SECONDS_OF_MANY)
    say(f"sampling {len(films):,} videos for about {limited.seconds:.0f} s")
    found = estimate_many(films, lambda: _engine(setup), limited, say)
    title = places[0].shown if len(places) == 1 else f"{len(films):,} videos"
    _show_survey(title, found, html, as_json=as_json)


def _show_survey(title: str, found: "Survey", html: str | None, *, as_json: bool) -> None:
    from scrubjay.estimating.reporting import survey_rows

    rows = [*survey_rows(found)]
    if html:
        from scrubjay.estimating.page import survey_page

        write_output(html, survey_page(f"Estimate: {title}", rows, found))
    show(encode_pretty(found) if as_json else table(title, rows), nl=not as_json)
    _end(is_stopped=found.is_stopped)


def _check(
    destination: str,
    places: Sequence[Place],
    setup: Setup,
    values: Mapping[str, Any],
    html: str | None,
    *,
    as_json: bool,
) -> None:
    from scrubjay.estimating.checking import check, plan_of
    from scrubjay.estimating.estimate import sample_for
    from scrubjay.estimating.reporting import check_rows
    from scrubjay.sets.store import Store

    if html or len(places) > 1:
        raise RecipeError("--check compares one set with one VIDEO or none, and writes no page")
    where = setup.place(destination)
    store = Store.open(where)
    fresh = None
    if places:
        plan = plan_of(store, where.shown)
        with _engine(setup) as engine:
            fresh = sample_for(plan, places[0], engine, seconds=values["seconds"] or _SECONDS)
    found = check(store, where.shown, fresh)
    show(encode_pretty(found) if as_json else table(where.shown, check_rows(found)), nl=not as_json)


def _engine(setup: Setup) -> "Engine":
    """Return an engine that renders on this machine, with no more workers than it has cores."""
    from scrubjay.engines.crew import cores

    return setup.engine(most_workers=cores())


def _end(*, is_stopped: bool) -> None:
    if is_stopped:
        say("scrubjay: stopped; the estimate is from what was measured so far")
        raise SystemExit(ExitCode.INTERRUPTED)
