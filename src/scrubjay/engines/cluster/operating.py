"""What people do about a cluster's sets: make the rest again, or give it up."""

from collections.abc import Callable, Sequence
from contextlib import suppress

from scrubjay.engines.base import Job
from scrubjay.engines.cluster.database import Database
from scrubjay.engines.cluster.letters import dead_letters, revive, take_out
from scrubjay.engines.cluster.transport import ProcrastinateTransport
from scrubjay.engines.queue.beginning import send_missing
from scrubjay.engines.queue.notes import load_origin
from scrubjay.engines.queue.redrive import redrive_set
from scrubjay.errors import ScrubjayError
from scrubjay.places.place import Place
from scrubjay.sets.state import load_plan
from scrubjay.sets.store import Store

__all__ = ["give_up", "redrive_letters", "redrive_one"]


def redrive_one(database: Database, where: Place, *, dry_run: bool = False) -> Sequence[int]:
    """Send the missing and failed slices of a set, and return their indexes.

    Raises:
        DestinationError: there is no set that was begun for a queue.
        EngineError: they could not be sent.
    """
    transport = ProcrastinateTransport(database)
    return redrive_set(Store.open(where), transport, dry_run=dry_run)[1]


def redrive_letters(
    database: Database, place: Callable[[str], Place], *, dry_run: bool = False
) -> dict[str, list[int]]:
    """Try every dead letter again, and return the slices by address of their set.

    Notes that a slice can never be made are removed. Where this machine cannot open a set, its
    letters go back into the queue as they are.

    Args:
        database: the database of the queue.
        place: returns the place of a set.
        dry_run: send nothing.

    Raises:
        EngineError: the database does not answer, or is not set up.
    """
    sent: dict[str, list[int]] = {}
    jobs: dict[str, list[int]] = {}
    for letter in dead_letters(database):
        indexes = sent.setdefault(letter.set, [])
        if letter.index is not None and letter.index not in indexes:
            indexes.append(letter.index)
        jobs.setdefault(letter.set, []).append(letter.job)
    for address, numbers in jobs.items() if not dry_run else ():
        with suppress(ScrubjayError):
            _send(database, place(address), sent[address])
        revive(database, numbers)  # those that were not replaced by new ones
    return sent


def give_up(database: Database, where: Place, *, publish: bool) -> tuple[int, Sequence[int]]:
    """Remove a set's orders and dead letters.

    Args:
        database: the database of the queue.
        where: the set.
        publish: turn what is missing into gaps, and publish the set without it.

    Returns:
        How many orders were removed, and the indexes of the gaps.

    Raises:
        DestinationError: `publish` is set, and there is no set that was begun for a queue.
        EngineError: the database does not answer, or is not set up.
    """
    removed = take_out(database, where)
    if not publish:
        return removed, ()
    transport = ProcrastinateTransport(database)
    return removed, redrive_set(Store.open(where), transport, give_up=True)[1]


def _send(database: Database, where: Place, indexes: Sequence[int]) -> None:
    """Send slices of a set again, as far as they are missing."""
    store = Store.open(where)
    plan = load_plan(store)
    if plan is not None:
        job = Job(plan, load_origin(store), store)
        send_missing(job, ProcrastinateTransport(database), among=indexes)
