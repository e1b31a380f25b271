"""Every video below a folder or in a bucket, one after another, in the order of their names.

Listing begins at once and holds one folder's names, or one page of a bucket's, in memory.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from scrubjay.library.film import Film, is_library
from scrubjay.library.folders import FolderWalk, stamp_of
from scrubjay.library.passing import OnPassed
from scrubjay.library.patterns import Selection
from scrubjay.places.place import Place

__all__ = ["film_at", "find", "is_library"]

_EVERYTHING = Selection()


def film_at(place: Place) -> Film:
    """Return one video as a library of its own."""
    if not place.is_local:
        return Film(source=place, name=place.name)
    try:
        status = Path(place.address).stat()
    except OSError:  # its probe says what is wrong
        return Film(source=place, name=place.name)
    return Film(source=place, name=place.name, stamp=stamp_of(status), disk=str(status.st_dev))


def find(
    root: Place,
    *,
    selection: Selection = _EVERYTHING,
    is_known: Callable[[Film], bool] = lambda _: False,
    on_passed: OnPassed = lambda _: None,
    below: str = "",
) -> Iterator[Film]:
    """Yield every video below a folder, or below a prefix of a bucket.

    What is a video is judged by its first bytes; its probe has the last word. Passed over are
    hidden files and folders, downloads that have not ended, and folders that hold a set.

    Args:
        root: the folder, or `s3://bucket/prefix/`, `gs://...`, `az://...`.
        selection: which paths are wanted.
        is_known: whether a video need not be opened, because its set is there already.
        on_passed: called with each file and folder that is passed over.
        below: a folder below the root, of which alone videos are found; not in buckets.

    Raises:
        SourceNotFoundError: there is no such folder, or no object below the prefix.
        SourceError: it cannot be listed.
    """
    if root.is_local:
        yield from FolderWalk(root, selection, is_known, on_passed, below=below)
        return
    from scrubjay.library.buckets import films_in_bucket  # noqa: PLC0415  slow to load

    yield from films_in_bucket(root, selection, is_known, on_passed)
