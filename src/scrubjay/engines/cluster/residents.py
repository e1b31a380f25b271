"""Engines that stay open between orders, so that a slice costs no start of a process."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from threading import Lock
from time import monotonic

from scrubjay.engines.base import Engine

__all__ = ["ResidentEngines"]


class _Resident:
    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.video = ""
        self.idle_since = monotonic()


class ResidentEngines:
    """A few engines, each for one slice at a time. Thread-safe.

    Args:
        open_engine: returns a new engine.
        most: how many there may be; at least one more than are used at once, so that two videos
            that take turns need no new worker each time.
    """

    def __init__(self, open_engine: Callable[[], Engine], *, most: int) -> None:
        self._open_engine = open_engine
        self._most = most
        self._lock = Lock()
        self._idle: list[_Resident] = []
        self._count = 0

    @contextmanager
    def lent(self, video: str) -> Generator[Engine]:
        """Yield an engine, if possible one that has a video open already.

        Args:
            video: address of the video.
        """
        resident = self._take(video)
        resident.video = video
        try:
            yield resident.engine
        finally:
            with self._lock:
                resident.idle_since = monotonic()
                self._idle.append(resident)  # the most recent one is the last

    def _take(self, video: str) -> _Resident:
        with self._lock:
            same = next((each for each in reversed(self._idle) if each.video == video), None)
            if same is None and self._count < self._most:
                self._count += 1
                return _Resident(self._open_engine())
            found = same or self._idle[0]
            self._idle.remove(found)
            return found

    def dismiss(self, *, idle_seconds: float = 0) -> None:
        """Close the engines that have been idle for so long, with their processes and files."""
        with self._lock:
            ended = [e for e in self._idle if monotonic() - e.idle_since >= idle_seconds]
            self._idle = [each for each in self._idle if each not in ended]
            self._count -= len(ended)
        for each in ended:
            each.engine.__exit__(None, None, None)
