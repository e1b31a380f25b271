"""The videos below a prefix of a bucket, in the order of their keys.

A listing has no content types. So a suffix decides where it is certain, and only other objects cost
a request each, for their first bytes.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

from msgspec.structs import replace

from scrubjay.errors import SourceError, SourceNotFoundError
from scrubjay.events import PassedReason
from scrubjay.library.content import HEAD_BYTES, Content, content_of, content_of_suffix
from scrubjay.library.film import Film, Stamp
from scrubjay.library.names import is_hidden, is_unfinished
from scrubjay.library.passing import OnPassed, Passed
from scrubjay.library.patterns import Selection
from scrubjay.places.listing import Listed, Listing
from scrubjay.places.place import Place
from scrubjay.places.remote import first_bytes
from scrubjay.waiting import mapped

__all__ = ["films_in_bucket"]

_STATE = "/.scrubjay/"
_BATCH_OBJECTS = 64
"""How many objects are looked at together; with more, the first video would come later."""

_LANES = 16


class _Candidate(NamedTuple):
    film: Film
    is_certain: bool


def films_in_bucket(
    root: Place,
    selection: Selection,
    is_known: Callable[[Film], bool],
    on_passed: OnPassed,
) -> Iterator[Film]:
    """Yield the videos below a prefix.

    Args:
        root: the bucket and the prefix.
        selection: which paths are wanted.
        is_known: whether a video need not be read, because its set is there.
        on_passed: called with all that is passed over.

    Raises:
        SourceError: the bucket cannot be listed.
    """
    candidates = _candidates(root, selection, is_known, on_passed)
    while batch := list(islice(candidates, _BATCH_OBJECTS)):
        contents = mapped(_looked_at, batch, lanes=_LANES)
        for candidate, found in zip(batch, contents, strict=True):
            if found == "video":
                yield candidate.film
            elif isinstance(found, Passed):
                on_passed(found)
            else:
                on_passed(Passed(candidate.film.name, found))


def _candidates(
    root: Place,
    selection: Selection,
    is_known: Callable[[Film], bool],
    on_passed: OnPassed,
) -> Iterator[_Candidate]:
    prefix = f"{root.key.strip('/')}/".lstrip("/")
    listing = Listing(root)
    is_empty = True
    for entry in listing:
        is_empty = False
        name = entry.key.removeprefix(prefix)
        above, state, _ = f"/{name}".partition(_STATE)
        if state and above:
            on_passed(Passed(above.lstrip("/"), "set"))
            listing.skip(f"{prefix}{above.lstrip('/')}/")
            continue
        content = content_of_suffix(name)
        reason = _reason(name, entry, content, selection)
        if reason:
            on_passed(Passed(name, reason))
            continue
        film = Film(source=_at(root, entry), name=name, stamp=_stamp(entry))
        yield _Candidate(film, content == "video" or is_known(film))
    if is_empty:
        raise SourceNotFoundError(f"{root.shown} contains no objects")


def _reason(
    name: str, entry: Listed, content: Content | None, selection: Selection
) -> PassedReason | None:
    """Return why an object is passed over without a request."""
    *folders, own = name.split("/")
    if any(map(is_hidden, (*folders, own))):
        return "hidden"
    if any(map(is_unfinished, (*folders, own))):
        return "unfinished"
    if not selection.takes(name):
        return "excluded"
    if content is not None and content != "video":
        return content
    return None if entry.size_bytes else "other"  # such as the mark of an empty folder


def _looked_at(candidate: _Candidate) -> Content | Passed:
    """Return what an object is."""
    film = candidate.film
    if candidate.is_certain:
        return "video"
    try:
        return content_of(film.name, lambda: first_bytes(film.source, HEAD_BYTES))
    except SourceNotFoundError:
        return "other"  # removed meanwhile
    except SourceError as error:
        return Passed(film.name, "unreadable", str(error))


def _at(root: Place, entry: Listed) -> Place:
    return replace(root, address=f"{root.scheme}://{root.bucket}/{entry.key}")


def _stamp(entry: Listed) -> Stamp:
    written = int(entry.modified.timestamp()) * 1_000_000_000
    return Stamp(size_bytes=entry.size_bytes, mtime_ns=written, etag=entry.etag)
