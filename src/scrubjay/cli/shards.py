"""`scrubjay slices` and `scrubjay publish`: a set in steps, for arrays of tasks."""

# ruff: noqa: PLC0415  most commands need none of this
import os
from typing import Any

import click

from scrubjay.cli.options import (
    GroupedCommand,
    address_options,
    clock_option,
    grouped,
    report_options,
    settings_options,
)
from scrubjay.cli.report import reported
from scrubjay.cli.setup import Setup
from scrubjay.cli.watcher import ShardWatcher

__all__ = ["publish", "slices"]


@click.command(
    cls=GroupedCommand,
    short_help="Make a share of a set's slices.",
    epilog="\b\nExamples:\n"
    "  scrubjay slices previews/ --source movie.mp4 --shard 2/3\n"
    "  scrubjay slices s3://previews/movie --source s3://films/movie.mp4 --shards 16",
)
@click.argument("destination")
@grouped(
    "Slices",
    "--source",
    required=True,
    metavar="VIDEO",
    help="The video of the set, as this machine reaches it.",
)
@grouped(
    "Slices",
    "--shard",
    metavar="K/M",
    help="Make the Kth of M shares, from 1.  [default: as the array says whose task this is: of "
    "Kubernetes, AWS Batch, Slurm or Cloud Run]",
)
@grouped(
    "Slices",
    "--shards",
    "count",
    type=click.IntRange(min=1),
    metavar="M",
    help="How many shares there are, for systems that number tasks but do not count them "
    "(Kubernetes), or count only those submitted again (Slurm).",
)
@report_options
@settings_options
def slices(
    destination: str,
    *,
    source: str,
    shard: str | None,
    count: int | None,
    as_json: bool,
    quiet: bool,
    **values: Any,  # noqa: ANN401  the settings' own options
) -> None:
    """Make what is missing of a share of the slices of the set in DESTINATION.

    scrubjay plan VIDEO -o DESTINATION begins the set. Each share is a command of its own, on any
    machine that reaches VIDEO and DESTINATION; run again, it makes only what is missing. When all
    are done, scrubjay publish DESTINATION publishes the set (docs/scaling.md).
    """
    from scrubjay.sharding.division import shard_from
    from scrubjay.sharding.steps import make_shard

    with reported(as_json=as_json, resumable=True):
        setup = Setup(values)
        chosen = shard_from(shard, count, os.environ)
        watcher = ShardWatcher(as_json=as_json, quiet=quiet)
        with setup.engine() as engine, watcher:
            try:
                make_shard(
                    setup.place(destination),
                    setup.place(source),
                    shard=chosen,
                    engine=engine,
                    on_progress=watcher,
                    strict=setup.settings.strict,
                )
            finally:
                watcher.sum_up()


@click.command(
    cls=GroupedCommand,
    short_help="Publish a set whose slices are made.",
    epilog="\b\nExamples:\n"
    "  scrubjay publish previews/\n"
    "  scrubjay publish s3://previews/movie --give-up",
)
@click.argument("destination")
@grouped(
    "Slices",
    "--give-up",
    is_flag=True,
    help="Turn the missing slices into gaps, so that the set is published without them.",
)
@grouped(
    "Slices",
    "--source",
    metavar="VIDEO",
    help="The video that the page shows.  [default: the one that was planned]",
)
@clock_option
@report_options
@grouped(
    "Running",
    "--strict/--no-strict",
    default=None,
    help="Publish nothing if the video is damaged.  [default: no]",
)
@address_options
def publish(
    destination: str,
    *,
    give_up: bool,
    source: str | None,
    as_json: bool,
    quiet: bool,
    **values: Any,  # noqa: ANN401  the settings' own options
) -> None:
    """Publish the set in DESTINATION, whose slices were made by scrubjay slices.

    While slices are missing, nothing is published and the message names them. A slice that could
    not be made is a gap, as after scrubjay make. Any number of these commands may run at once.
    """
    from scrubjay.sharding.steps import finish

    with reported(as_json=as_json, resumable=True):
        setup = Setup(values)
        watcher = ShardWatcher(as_json=as_json, quiet=quiet)
        with watcher:
            try:
                finish(
                    setup.place(destination),
                    source=None if source is None else setup.place(source),
                    give_up=give_up,
                    on_progress=watcher,
                    clock=values["clock"],
                    strict=setup.settings.strict,
                )
            finally:
                watcher.sum_up(destination)
