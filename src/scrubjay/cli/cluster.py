"""`scrubjay worker` and `scrubjay cluster`: machines that take slices from a queue."""

# ruff: noqa: PLC0415  the libraries of the cluster are loaded only by the commands that use them
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from scrubjay.cli.options import GroupedCommand, address_options, database_option, grouped
from scrubjay.cli.options import worker_options as settings_of_workers
from scrubjay.cli.report import reported, say, show
from scrubjay.errors import DestinationError
from scrubjay.model import encode_pretty
from scrubjay.places.place import Place
from scrubjay.settings import load_cluster_settings

if TYPE_CHECKING:
    from scrubjay.engines.cluster.database import Database
    from scrubjay.engines.cluster.letters import Letter, QueueStatus
    from scrubjay.engines.queue.status import SetStatus

__all__ = ["cluster", "worker"]

_MOST_LETTERS = 20
"""Dead letters that are listed before "..."."""

_json_option = grouped("Output", "--json", "as_json", is_flag=True, help="Write a JSON object.")


@click.command(
    cls=GroupedCommand,
    short_help="Make slices that other machines have queued.",
    epilog="\b\nExamples:\n"
    "  scrubjay worker --database postgresql://scrubjay@db.lan/scrubjay --allow /mnt/films "
    "--allow /mnt/previews\n"
    "  scrubjay worker --slots 8 --allow s3://films/ --allow s3://previews/",
)
@database_option
@grouped(
    "Running",
    "--slots",
    type=click.IntRange(min=1, max=1024),
    metavar="N",
    help="Slices at once.  [default: one for each core]",
)
@grouped(
    "Running",
    "--allow",
    multiple=True,
    metavar="PREFIX",
    help="Folder or address below which orders may name videos and destinations; can be repeated. "
    " [default: whatever this user reaches]",
)
@grouped(
    "Running",
    "--retry-delay",
    type=click.FloatRange(min=0.1, max=900),
    default=10,
    metavar="SECONDS",
    help="Most seconds before the second attempt of a slice; each wait is twice as long, up to "
    "15 minutes.  [default: 10]",
)
@settings_of_workers
@grouped("Output", "--quiet", "-q", is_flag=True, help="Write no lines for slices that are made.")
def worker(
    *,
    slots: int | None,
    allow: Sequence[str],
    retry_delay: float,
    quiet: bool,
    **values: Any,  # noqa: ANN401  the settings' own options
) -> None:
    """Take slices from the queue in a database, and make them, until stopped.

    SIGTERM lets the slices that are being made end.
    """
    with reported(as_json=False):
        from scrubjay.cli.setup import Setup
        from scrubjay.engines.crew import cores
        from scrubjay.engines.processes import ProcessEngine

        database = _database(values)
        from scrubjay.engines.cluster.allowed import AllowList
        from scrubjay.engines.cluster.backoff import Backoff
        from scrubjay.engines.cluster.service import ClusterWorker, Opening
        from scrubjay.sandbox.confinement import conceal

        setup = Setup(values)
        settings, limits = setup.settings, setup.limits
        conceal()  # the processes that decode must not find the password
        if not allow:
            say("scrubjay: no --allow: orders may name any video and destination in reach")

        def open_engine() -> ProcessEngine:
            return ProcessEngine(
                workers=1,
                attempts=1,
                stall_timeout=settings.stall_timeout,
                limits=limits,
                sandbox=settings.sandbox,
            )

        ClusterWorker(
            database,
            slots=slots or cores(),
            open_engine=open_engine,
            allowed=AllowList(allow),
            opening=Opening(settings.endpoint, public_only=not settings.private_addresses),
            backoff=Backoff(retry_delay),
            say=say,
            quiet=quiet,
        ).run()


@click.group(
    epilog="\b\nExamples:\n"
    "  scrubjay cluster setup --database postgresql://scrubjay@db.lan/scrubjay\n"
    "  scrubjay cluster status\n"
    "How to set up a cluster: docs/cluster.md.",
)
def cluster() -> None:
    """Look after the queue of a cluster."""


@cluster.command(
    cls=GroupedCommand,
    epilog="\b\nExamples:\n  scrubjay cluster setup --database postgresql://scrubjay@db.lan/scrubjay",
)
@database_option
def setup(**values: Any) -> None:  # noqa: ANN401  the settings' own options
    """Make the queue's tables in a database, if they are not there."""
    with reported(as_json=False):
        database = _database(values)
        from scrubjay.engines.cluster.schema import set_up

        made = set_up(database)
        show(f"{database.shown}: " + ("the queue is ready." if made else "the queue exists."))


@cluster.command(
    cls=GroupedCommand,
    epilog="\b\nExamples:\n  scrubjay cluster upgrade",
)
@database_option
def upgrade(**values: Any) -> None:  # noqa: ANN401  the settings' own options
    """Change the queue's tables to what this version needs; stop the workers before."""
    with reported(as_json=False):
        database = _database(values)
        from scrubjay.engines.cluster.schema import upgrade as change

        names = change(database)
        show(f"{database.shown}: {len(names)} changes" + "".join(f"\n  {name}" for name in names))


@cluster.command(
    cls=GroupedCommand,
    epilog="\b\nExamples:\n"
    "  scrubjay cluster status\n"
    "  scrubjay cluster status /mnt/previews/movie --json",
)
@click.argument("which", metavar="[SET]", required=False)
@database_option
@address_options
@_json_option
def status(which: str | None, *, as_json: bool, **values: Any) -> None:  # noqa: ANN401
    """Show what waits, who works and what failed, of all sets or of SET, the address of one."""
    with reported(as_json=as_json):
        database = _database(values)
        from scrubjay.engines.cluster.letters import dead_letters, queue_status
        from scrubjay.engines.queue.status import set_status
        from scrubjay.sets.store import Store

        where = _place(which, values)
        found = queue_status(database, where)
        dead, retrying = (dead_letters(database, where, retrying=waits) for waits in (False, True))
        state = None
        try:
            state = set_status(Store.open(where)) if where else None
        except DestinationError:  # a set that has gone may still have orders
            if not any((found.waiting, found.retrying, found.running, found.dead)):
                raise
        if as_json:
            result = {"queue": found, "dead_letters": dead, "retrying": retrying}
            show(encode_pretty(result | ({"set": state} if state else {})), nl=False)
            return
        show("\n".join(_of_queue(found, dead, retrying, state)))


@cluster.command(
    cls=GroupedCommand,
    epilog="\b\nExamples:\n"
    "  scrubjay cluster redrive --dry-run\n"
    "  scrubjay cluster redrive\n"
    "  scrubjay cluster redrive /mnt/previews/movie",
)
@click.argument("which", metavar="[SET]", required=False)
@database_option
@address_options
@grouped("Work", "--dry-run", is_flag=True, help="Only show what would be sent.")
@_json_option
def redrive(which: str | None, *, dry_run: bool, as_json: bool, **values: Any) -> None:  # noqa: ANN401
    """Try every dead letter again, or make all that is missing of SET, the address of a set."""
    with reported(as_json=as_json):
        database = _database(values)
        from scrubjay.engines.cluster.operating import redrive_letters, redrive_one

        where = _place(which, values)
        if where is None:
            sent: Mapping[str, Sequence[int]] = redrive_letters(
                database, lambda address: _opened(address, values), dry_run=dry_run
            )
        else:
            sent = {where.address: redrive_one(database, where, dry_run=dry_run)}
        _show_sent(sent, "sent again", as_json=as_json, dry_run=dry_run)


@cluster.command(
    cls=GroupedCommand,
    epilog="\b\nExamples:\n"
    "  scrubjay cluster cancel /mnt/previews/movie\n"
    "  scrubjay cluster cancel /mnt/previews/movie --publish",
)
@click.argument("which", metavar="SET")
@database_option
@address_options
@grouped(
    "Work",
    "--publish",
    is_flag=True,
    help="Turn what is missing into gaps, and publish the set without it.",
)
@_json_option
def cancel(which: str, *, publish: bool, as_json: bool, **values: Any) -> None:  # noqa: ANN401
    """Give up SET, the address of a set: remove its orders and its dead letters.

    Slices that are being made end. `make` or `redrive` makes the rest later.
    """
    with reported(as_json=as_json):
        database = _database(values)
        from scrubjay.engines.cluster.operating import give_up

        where = _opened(which, values)
        removed, gaps = give_up(database, where, publish=publish)
        if as_json:
            result = {"set": where.shown, "removed": removed, "gaps": gaps, "published": publish}
            show(encode_pretty(result), nl=False)
            return
        show(f"{where.shown}: {removed} orders removed from the queue")
        if publish:
            show(f"  {len(gaps)} slices are gaps now; a worker publishes the set")


def _database(values: Mapping[str, Any]) -> "Database":
    from scrubjay.engines.cluster.database import Database

    return Database(load_cluster_settings(values, os.environ).database)


def _place(which: str | None, values: Mapping[str, Any]) -> Place | None:
    return None if which is None else _opened(which, values)


def _opened(address: str, values: Mapping[str, Any]) -> Place:
    from scrubjay.cli.setup import Setup

    return Setup(values).place(address)


def _of_queue(
    found: "QueueStatus",
    dead: Sequence["Letter"],
    retrying: Sequence["Letter"],
    state: "SetStatus | None",
) -> Iterator[str]:
    if state:
        from scrubjay.cli.aws import rows_of_set

        yield from rows_of_set(state)
    yield f"{found.workers} workers, {found.running} slices being made"
    yield f"  {found.waiting:>6}  waiting"
    yield f"  {found.retrying:>6}  failed, to be tried again"
    yield f"  {found.dead:>6}  dead letters"
    for letters in (dead, retrying):
        yield from map(_of_letter, letters[:_MOST_LETTERS])
        if len(letters) > _MOST_LETTERS:
            yield f"  ... and {len(letters) - _MOST_LETTERS} more"
    if dead:
        yield "Try them again: scrubjay cluster redrive. Give up a set: scrubjay cluster cancel SET"


def _of_letter(letter: "Letter") -> str:
    what = "finish" if letter.index is None else f"slice {letter.index}"
    when = f", again in {letter.due_in_seconds:.0f} s" if letter.due_in_seconds else ""
    times = f"failed {letter.failures} times{when}"
    return f"  {letter.set} {what}: {times}: {letter.error}: {letter.message}"


def _show_sent(
    sent: Mapping[str, Sequence[int]], what: str, *, as_json: bool, dry_run: bool
) -> None:
    if as_json:
        show(encode_pretty({"sets": sent, "dry_run": dry_run}), nl=False)
        return
    if not sent:
        show("There are no dead letters.")
    would = f"to be {what}" if dry_run else what
    for address, indexes in sent.items():
        show(f"{address}: {len(indexes)} slices {would}")
