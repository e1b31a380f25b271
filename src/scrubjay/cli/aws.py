"""`scrubjay aws`: the status of a deployed stack, and sending again what failed in it."""

# ruff: noqa: PLC0415  the libraries for AWS are loaded only by the commands that use them
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from scrubjay.cli.options import GroupedCommand, database_option, grouped
from scrubjay.cli.report import reported, say, show
from scrubjay.engines.base import Engine
from scrubjay.engines.processes import ProcessEngine
from scrubjay.errors import RecipeError
from scrubjay.model import encode_pretty

if TYPE_CHECKING:
    from scrubjay.aws.status import StackStatus
    from scrubjay.engines.queue.status import SetStatus

__all__ = ["aws", "engine_for", "engine_options", "rows_of_set"]

_MOST_INDEXES = 20
"""Slices that are listed before "..."."""


@click.group(
    epilog="\b\nExamples:\n"
    "  scrubjay aws status --help\n"
    "  scrubjay aws redrive --help\n"
    "How to deploy a stack: docs/aws/deploy.md.",
)
def aws() -> None:
    """Look after a stack that is deployed on AWS."""


_DASK = "dask="


class _EngineKind(click.ParamType[str]):
    """The name of an engine, or `dask=` and the address of a scheduler."""

    name = "engine"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        text = str(value)
        if text not in _ENGINES and not (text.startswith(_DASK) and text != _DASK):
            names = f"{', '.join(_ENGINES)} or {_DASK}SCHEDULER"
            self.fail(f"{text!r} is not an engine; choose from {names}", param, ctx)
        return text


_ENGINES = ("local", "procrastinate", "aws-lambda")


def engine_options(command: Any) -> Any:  # noqa: ANN401  as click's decorators are
    """Give a command the choice of where slices are made."""
    for option in (
        grouped(
            "Running",
            "--patience",
            type=click.FloatRange(min=0, min_open=True),
            default=600,
            metavar="N",
            help="Seconds without a new slice before the rest counts as lost; not for local. "
            " [default: 600]",
        ),
        grouped("Running", "--stack", metavar="NAME", help="The deployed stack (aws-lambda)."),
        database_option,
        grouped(
            "Running",
            "--engine",
            "kind",
            type=_EngineKind(),
            default="local",
            metavar="NAME",
            help="Where slices are made: local, in worker processes here; procrastinate, by the "
            "workers of a cluster; dask=SCHEDULER, by the workers of a Dask scheduler such as "
            "tls://host:8786; aws-lambda, by a deployed stack.  [default: local]",
        ),
    ):
        command = option(command)
    return command


def engine_for(values: Mapping[str, Any], local: ProcessEngine) -> Engine:
    """Return the engine that makes the slices.

    Args:
        values: of the options of `engine_options`.
        local: makes slices on this machine, or only opens the video for another engine.

    Raises:
        RecipeError: `--stack` is missing.
    """
    if values["kind"] == "local":
        return local
    if values["kind"] == "procrastinate":
        from scrubjay.engines.cluster.engine import ProcrastinateEngine
        from scrubjay.settings import load_cluster_settings

        return ProcrastinateEngine(
            load_cluster_settings(values, os.environ).database,
            patience=values["patience"],
            local=local,
            on_silence=say,
        )
    if values["kind"].startswith(_DASK):
        return _on_dask(values["kind"].removeprefix(_DASK), values, local)
    if values["stack"] is None:
        raise RecipeError("--engine aws-lambda needs --stack NAME")
    from scrubjay.aws.engine import AwsLambdaEngine

    return AwsLambdaEngine(
        values["stack"], patience=values["patience"], local=local, on_silence=say
    )


def _on_dask(scheduler: str, values: Mapping[str, Any], local: ProcessEngine) -> Engine:
    import logging

    from scrubjay.cli.setup import Setup
    from scrubjay.engines.dask import DaskEngine

    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # it logs what we report
    setup = Setup(values)
    settings = setup.settings
    return DaskEngine(
        scheduler,
        attempts=settings.attempts,
        stall_timeout=settings.stall_timeout,
        limits=setup.limits,
        sandbox=settings.sandbox,
        patience=values["patience"],
        local=local,
    )


def _stack_option(command: Any) -> Any:  # noqa: ANN401  as click's decorators are
    return grouped(
        "Stack",
        "--stack",
        required=True,
        metavar="NAME",
        help="Name of the deployed stack, in the account and region that boto3 finds.",
    )(command)


def _json_option(command: Any) -> Any:  # noqa: ANN401  as click's decorators are
    return grouped("Output", "--json", "as_json", is_flag=True, help="Write a JSON object.")(
        command
    )


@aws.command(
    cls=GroupedCommand,
    epilog="\b\nExamples:\n"
    "  scrubjay aws status --stack previews\n"
    "  scrubjay aws status --stack previews films/movie.mp4",
)
@click.argument("which", metavar="[SET]", required=False)
@_stack_option
@_json_option
def status(which: str | None, *, stack: str, as_json: bool) -> None:
    """Show the status of a stack, or the progress of SET: a video's key or a set's address."""
    from scrubjay.aws.stack import Stack
    from scrubjay.aws.status import stack_status
    from scrubjay.engines.queue.status import set_status
    from scrubjay.sets.store import Store

    with reported(as_json=as_json):
        deployed = Stack(stack)
        if which is None:
            found = stack_status(deployed)
            show(encode_pretty(found) if as_json else _of_stack(found), nl=not as_json)
        else:
            state = set_status(Store.open(deployed.set_at(which)))
            show(encode_pretty(state) if as_json else _of_set(state), nl=not as_json)


@aws.command(
    cls=GroupedCommand,
    epilog="\b\nExamples:\n"
    "  scrubjay aws redrive --stack previews --dry-run\n"
    "  scrubjay aws redrive --stack previews\n"
    "  scrubjay aws redrive --stack previews s3://gifs/previews/films/movie.mp4\n"
    "  scrubjay aws redrive --stack previews films/movie.mp4 --give-up",
)
@click.argument("which", metavar="[SET]", required=False)
@_stack_option
@grouped("Work", "--dry-run", is_flag=True, help="Only show what would be sent.")
@grouped(
    "Work",
    "--give-up",
    is_flag=True,
    help="Turn the missing slices of SET into gaps, so that it is published without them.",
)
@_json_option
def redrive(which: str | None, *, stack: str, dry_run: bool, give_up: bool, as_json: bool) -> None:
    """Send dead letters again, or the missing slices of SET: a video's key or a set's address."""
    if give_up and which is None:
        raise click.UsageError("--give-up needs a SET")
    from scrubjay.aws.dead_letters import redrive_dead_letters
    from scrubjay.aws.stack import Stack
    from scrubjay.engines.queue.redrive import redrive_set
    from scrubjay.sets.store import Store

    with reported(as_json=as_json):
        deployed = Stack(stack)
        if which is None:
            done = redrive_dead_letters(deployed, dry_run=dry_run)
            result: dict[str, object] = {
                "orders": done.orders,
                "uploads": done.uploads,
                "unreadable": done.unreadable,
            }
        else:
            place = deployed.set_at(which)
            plan, indexes = redrive_set(
                Store.open(place), deployed.transport, dry_run=dry_run, give_up=give_up
            )
            result = {"set": place.shown, "of": len(plan.slices), "indexes": indexes}
        if as_json:
            show(encode_pretty(result | {"dry_run": dry_run}), nl=False)
        elif which is None:
            show("\n".join(_of_letters(result, dry_run=dry_run)))
        else:
            show(_of_reconciled(result, dry_run=dry_run, give_up=give_up))


def _of_stack(found: "StackStatus") -> str:
    rows = [f"{found.stack}: slices are sent by {found.transport}"]
    rows += [f"  {count:>6}  messages {what}" for what, count in found.queues.items()]
    rows += [f"  {state:>6}  {alarm}" for alarm, state in found.alarms.items()]
    return "\n".join(rows)


def _of_set(state: "SetStatus") -> str:
    return "\n".join(rows_of_set(state))


def rows_of_set(state: "SetStatus") -> Iterator[str]:
    """Yield the lines that describe the status of a set."""
    yield f"{state.set}: {state.done} of {state.slices} slices done"
    if state.problem:
        yield f"  no previews: {state.problem}"
    for index, why in sorted(state.failed.items()):
        yield f"  slice {index} failed: {why}"
    if state.missing:
        yield f"  missing: {_indexes(state.missing)}"
    published = "published" if state.published else "not published"
    yield f"  {published}, {'announced' if state.announced else 'not announced'}"


def _of_letters(result: dict[str, Any], *, dry_run: bool) -> Iterator[str]:
    verb = "Would send" if dry_run else "Sent"
    yield f"{verb} {result['orders']} orders and {result['uploads']} uploads again."
    for name, why in result["unreadable"].items():
        yield f"  left in its queue: message {name}: {why}"


def _of_reconciled(result: dict[str, Any], *, dry_run: bool, give_up: bool) -> str:
    indexes: list[int] = result["indexes"]
    if not indexes:
        return f"{result['set']}: no slices are missing."
    action = "given up" if give_up else "sent again"
    if dry_run:
        action = f"to be {action}"
    of = f"{len(indexes)} of {result['of']} slices"
    return f"{result['set']}: {of} {action}: {_indexes(indexes)}"


def _indexes(indexes: list[int]) -> str:
    named = ", ".join(map(str, indexes[:_MOST_INDEXES]))
    return f"{named}, ..." if len(indexes) > _MOST_INDEXES else named
