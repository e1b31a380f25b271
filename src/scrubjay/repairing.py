"""Repairs sets that do not hold: what is wrong is removed, made again, and published."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from html.parser import HTMLParser

from scrubjay.engines.base import Engine
from scrubjay.errors import (
    DestinationError,
    IncompleteError,
    ObjectNotFoundError,
    ScrubjayError,
    StoreFullError,
)
from scrubjay.keys import FOLDERS, PAGE, RECORDS, VIDEO, is_ours, record_key
from scrubjay.model import TrackClock
from scrubjay.pipeline import make
from scrubjay.places.place import Place, PlaceText
from scrubjay.publishing import publish
from scrubjay.sets.state import all_folders, load_plan, load_state, withdraw
from scrubjay.sets.store import Store
from scrubjay.verifying.library import Found, sets_below
from scrubjay.verifying.report import Finding, Report, SetReport
from scrubjay.verifying.subject import Subject, load

__all__ = ["repair"]

_REASON = "removed by scrubjay verify --repair, because it did not hold"


def repair(
    destination: PlaceText | Place | Store,
    report: Report,
    *,
    source: PlaceText | Place | None = None,
    engine: Engine | None = None,
) -> int:
    """Remove what is wrong in sets, make it again if their video is given, and publish them.

    Without the video, what is removed becomes a gap, which the next `make` fills. A set that cannot
    be repaired costs no other.

    Args:
        destination: what was verified.
        report: what verifying it found.
        source: the video of the set, if there is only one.
        engine: makes the slices; by default worker processes on this machine.

    Returns:
        How many objects were removed.

    Raises:
        DestinationError: a set's plan cannot be read, so that nobody knows what belongs to it.
        ScrubjayError: a set could not be made again, or published. Of several, the first error is
            raised, when the other sets have been repaired.
    """
    store = destination if isinstance(destination, Store) else Store.open(destination)
    broken = {each.destination: each for each in report.sets if not each.holds}
    removed, problems = 0, list[ScrubjayError]()
    for found in list(sets_below(store)) if broken else ():
        if found.shown in broken:
            try:
                removed += _repaired(found, broken[found.shown], source, engine)
            except StoreFullError:
                raise
            except ScrubjayError as error:
                problems.append(error)
    if problems:
        raise problems[0]
    return removed


def _repaired(
    found: Found,
    report: SetReport,
    source: PlaceText | Place | None,
    engine: Engine | None,
) -> int:
    """Repair one set."""
    store = found.store
    subject, _ = load(store, found.sizes())
    plan = load_plan(store) if subject else None
    if plan is None or subject is None:
        raise DestinationError(
            f"{report.destination} has no plan that can be read, so it cannot be repaired; make "
            "it again in an empty folder"
        )
    keys = _removable(subject, report.wrong)
    # first the note of a run over a library, which would take the set for complete; then records:
    # without its record, an object does not count
    store.delete([VIDEO])
    store.delete([key for key in keys if key.startswith(RECORDS)])
    store.delete([key for key in keys if not key.startswith(RECORDS)])
    store.sweep([*FOLDERS, *(each.rstrip("/") for each in all_folders(plan.outputs))], is_ours)
    clock: TrackClock | None = subject.manifest.track_clock if subject.manifest else None
    if source is not None:
        with suppress(IncompleteError):  # it is published, with gaps
            make(
                source,
                store,
                recipe=plan.recipe,
                engine=engine,
                stream=plan.media.stream_index,
                clock=clock,
            )
        return len(keys)
    state = load_state(store, plan)
    if not state.made:
        withdraw(store, plan)
        return len(keys)
    reasons = _reasons(subject)
    lost = {index: reasons.get(index, _REASON) for index in state.missing}
    url = _video_url(store)
    publish(plan, store, state=state, reasons=lost, video_url=url, clock=clock)
    return len(keys)


def _removable(subject: Subject, findings: Iterable[Finding]) -> list[str]:
    """Return the keys of what is wrong: objects, and the records that name them."""
    owners = _owners(subject)
    keys: set[str] = set()
    for each in findings:
        if each.key in owners:
            keys |= {each.key, owners[each.key]}
        elif (each.check == "record" and each.key.startswith(RECORDS)) or (
            each.check == "stray" and is_ours(each.key)
        ):
            keys.add(each.key)
    return sorted(keys & subject.sizes.keys())


def _owners(subject: Subject) -> dict[str, str]:
    """Return the key of the record that names each object."""
    found: dict[str, str] = {}
    for output in subject.plan.outputs:
        for due, _ in subject.placed(output):
            found[due.key] = record_key(output.id, due.slice_.start, due.slice_.end)
    return found


def _reasons(subject: Subject) -> Mapping[int, str]:
    """Return why slices were missing before, by index."""
    if subject.manifest is None:
        return {}
    gaps = {gap.start: gap.reason for gap in subject.manifest.gaps}
    return {
        each.index: gaps[each.start]
        for each in subject.manifest.slices
        if each.start in gaps and each.status == "failed"
    }


class _VideoTag(HTMLParser):
    """Finds the address of the video in a page."""

    url: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "video":
            self.url = dict(attrs).get("src")


def _video_url(store: Store) -> str | None:
    """Return the address that the set's page has for the video."""
    parser = _VideoTag()
    with suppress(ObjectNotFoundError):
        parser.feed(store.get(PAGE).decode(errors="replace"))
    return parser.url
