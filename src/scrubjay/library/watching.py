"""Follows a library: yields each video when it is there to stay, and reports those that are gone.

Every look at a folder compares what is there with what was there before. So events, which can be
lost, decide only when to look where.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from scrubjay.errors import SourceError
from scrubjay.library.changes import Changes
from scrubjay.library.film import Film
from scrubjay.library.finding import find
from scrubjay.library.passing import OnPassed, Passed
from scrubjay.library.patterns import Selection
from scrubjay.places.place import Place

__all__ = ["Watch"]

_MOST_FOLDERS = 100
"""If more folders have changed, all of the library is looked at once."""


_SHORTEST_WAIT = 0.2
"""Seconds between two looks, at least."""

_REST = 9
"""Between two looks, so many times as long as the first took: so looking costs a tenth at most,
however large the library is and however slow its disk."""


class _Seen(NamedTuple):
    mark: int
    """Stands for the stamp of a file."""
    disk: str
    is_film: bool


class _Pending(NamedTuple):
    mark: int
    since: float
    """When it was seen with that mark first, by the monotonic clock."""


class Watch:
    """Follows one folder or prefix.

    Args:
        root: the folder, or the bucket and prefix.
        changes: waits for changes there.
        selection: which paths are wanted.
        settle: seconds for which a file must not change before it counts as complete. A file that
            was written longer ago is complete; and so is every object of a bucket.
        rescan: seconds between two looks at all of it.
        on_passed: called with what is passed over, and with a look that failed.
        on_moved: called with the old name of a film and the film, before that is yielded.
        on_gone: called with the names of films that were removed, or replaced by something else.
            Films whose disk is not mounted, or whose server does not answer, are not gone.
    """

    def __init__(
        self,
        root: Place,
        changes: Changes,
        *,
        selection: Selection,
        settle: float,
        rescan: float,
        on_passed: OnPassed,
        on_moved: Callable[[str, Film], None],
        on_gone: Callable[[list[str]], None],
    ) -> None:
        self._root = root
        self._changes = changes
        self._selection = selection
        self._settle = settle if root.is_local else 0.0
        self._rescan = rescan
        self._on_passed = on_passed
        self._on_moved = on_moved
        self._on_gone = on_gone
        self._seen: dict[str, _Seen] = {}
        self._pending: dict[str, _Pending] = {}
        self._complete: set[int] = set()
        """Marks of the films that were yielded: whatever moves, these are complete."""
        self._marks: dict[str, _Seen] = {}
        """What the current look has met."""
        self._unreadable: list[str] = []
        """Files and folders that the current look could not read: what is below is not gone."""
        self._passed: set[int] = set()
        """What the current look passes over, each as a number."""
        self._reported: set[int] = set()
        """What was passed over before, so that it is not reported again."""
        self._looked_for = 0.0
        """Seconds that the last looks took."""

    def films(self) -> Iterator[Film]:
        """Yield the videos that are there, and then those that come, until `changes` is stopped."""
        yield from self._timed(self._look("", {}))
        rescan_at = time.monotonic() + self._rescan
        while (changed := self._changed(rescan_at)) is not None:
            now = time.monotonic()
            folders = changed | {
                name.rpartition("/")[0]
                for name, each in self._pending.items()
                if now >= each.since + self._settle
            }
            if now >= rescan_at or len(folders) > _MOST_FOLDERS:
                folders, rescan_at = {""}, now + self._rescan
            if folders and not self._root.is_local:
                folders = {""}
            yield from self._look_again(_topmost(folders))

    def _changed(self, rescan_at: float) -> set[str] | None:
        """Rest, and then wait until there is something to look at; return the changed folders."""
        rested_at = time.monotonic() + max(_SHORTEST_WAIT, _REST * self._looked_for)
        due = min([rescan_at, *(each.since + self._settle for each in self._pending.values())])
        changed: set[str] = set()
        while (now := time.monotonic()) < rested_at or not (changed or now >= due):
            more = self._changes.wait((rested_at if changed else max(rested_at, due)) - now)
            if more is None:
                return None
            changed |= more
        return changed

    def _timed(self, films: Iterator[Film]) -> Iterator[Film]:
        """Note how long a search takes, without the time in which nobody asks for the next film."""
        self._looked_for, began = 0.0, time.monotonic()
        for film in films:
            self._looked_for += time.monotonic() - began
            yield film
            began = time.monotonic()
        self._looked_for += time.monotonic() - began

    def _look_again(self, folders: set[str]) -> Iterator[Film]:
        """Look at some folders, and tell moved films from new and removed ones."""
        gone: dict[str, _Seen] = {}
        looks = (film for folder in sorted(folders) for film in self._look(folder, gone))
        found = [*self._timed(looks)]
        old_names = {seen.mark: name for name, seen in gone.items()}
        for film in found:
            old = old_names.pop(_mark_of(film), None)
            if old is not None:
                del gone[old]
                self._on_moved(old, film)
        if gone:
            self._on_gone(sorted(gone))
        yield from found

    def _look(self, below: str, gone: dict[str, _Seen]) -> Iterator[Film]:
        """Yield the new and changed videos of a folder; add the films that are gone."""
        self._marks.clear()
        self._unreadable.clear()
        self._passed.clear()
        try:
            for film in find(
                self._root,
                selection=self._selection,
                is_known=self._is_known,
                on_passed=self._pass,
                below=below,
            ):
                seen = _seen_of(film)
                self._marks[film.name] = seen
                if self._is_known(film) or not self._is_settled(film, seen.mark):
                    continue
                self._seen[film.name] = seen
                self._complete.add(seen.mark)
                yield film
        except SourceError as error:  # a share or a server that is away; its films are not gone
            self._report(Passed(below, "unreadable", str(error)))
            return
        if not below:  # what is not there any more is reported when it comes again
            self._reported.intersection_update(self._passed)
        gone.update(self._removed(below))

    def _is_known(self, film: Film) -> bool:
        """Whether a file is as it was, and note what it is like."""
        seen = _seen_of(film)
        self._marks[film.name] = seen
        known = self._seen.get(film.name)
        return known is not None and known.mark == seen.mark

    def _is_settled(self, film: Film, mark: int) -> bool:
        """Whether a new or changed file has stopped growing."""
        written = (film.stamp.mtime_ns or 0) / 1e9
        pending = self._pending.get(film.name)
        now = time.monotonic()
        is_old = 0 <= time.time() - written >= self._settle
        if pending is None and (is_old or mark in self._complete):
            return True
        if pending is None or pending.mark != mark:
            pending = self._pending[film.name] = _Pending(mark, now)
        if now < pending.since + self._settle:
            return False
        del self._pending[film.name]
        return True

    def _pass(self, passed: Passed) -> None:
        """Remember what a file is that is no video, so that it is not opened again."""
        self._report(passed)
        if passed.reason == "unreadable":
            self._unreadable.append(passed.name)
        if passed.reason in {"sound", "picture", "text", "other"} and passed.name in self._marks:
            known = self._seen.get(passed.name)
            if known is None or not known.is_film:
                self._seen[passed.name] = self._marks[passed.name]._replace(is_film=False)
            del self._marks[passed.name]  # a film that was replaced by this is gone

    def _report(self, passed: Passed) -> None:
        """Report what is passed over, once."""
        number = hash(passed)
        self._passed.add(number)
        if number not in self._reported:
            self._reported.add(number)
            self._on_passed(passed)

    def _removed(self, below: str) -> Mapping[str, _Seen]:
        """Return the films of a folder that were not met, and forget them."""
        start = f"{below}/" if below else ""
        for name in [each for each in self._pending if each.startswith(start)]:
            if name not in self._marks:
                del self._pending[name]
        unmet = {
            name: seen
            for name, seen in self._seen.items()
            if name.startswith(start) and name not in self._marks
        }
        gone = {
            name: seen
            for name, seen in unmet.items()
            if seen.is_film and not self._is_hidden(name) and not self._is_away(name, seen.disk)
        }
        for name, seen in unmet.items():
            if name in gone or not seen.is_film:
                del self._seen[name]
        self._complete.difference_update(seen.mark for seen in gone.values())
        return gone

    def _is_hidden(self, name: str) -> bool:
        """Whether a film may be there, because it or a folder above it could not be read."""
        return any(name == each or name.startswith(f"{each}/") for each in self._unreadable)

    def _is_away(self, name: str, disk: str) -> bool:
        """Whether the disk of a film is not mounted now, so that the film is not removed."""
        if not disk:
            return False
        path = Path(self._root.address, name)
        try:
            nearest = next(each for each in path.parents if each.exists())
            return str(os.stat(nearest).st_dev) != disk  # noqa: PTH116
        except OSError:  # such as a disk that is failing
            return True


def _topmost(folders: set[str]) -> set[str]:
    """Leave out folders that are below others."""
    return {
        each
        for each in folders
        if not each or ("" not in folders and folders.isdisjoint(_above(each)))
    }


def _above(folder: str) -> list[str]:
    names = folder.split("/")
    return ["/".join(names[:end]) for end in range(1, len(names))]


def _seen_of(film: Film) -> _Seen:
    return _Seen(_mark_of(film), film.disk, is_film=True)


def _mark_of(film: Film) -> int:
    stamp = film.stamp
    return hash((stamp.size_bytes, stamp.mtime_ns, stamp.inode, stamp.etag))
