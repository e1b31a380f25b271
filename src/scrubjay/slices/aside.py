"""Encoding in a thread of its own, a few pictures behind painting."""

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from fractions import Fraction

from scrubjay.encode.base import AnimationEncoder, RgbPicture

__all__ = ["Aside"]

_MOST_WAITING = 8
"""Pictures that wait for an encoder, at most, before painting waits for it."""


class Aside:
    """Runs an encoder in a thread; what it makes is the same.

    FFmpeg's encoders release Python's lock while they work, and numpy does for its larger steps.

    Args:
        encoder: takes the pictures one by one, all in the same thread.
        pictures: how many there will be, so that it finishes while other encoders do.
        end: where the last of them ends, in seconds.
    """

    def __init__(self, encoder: AnimationEncoder, *, pictures: int, end: Fraction) -> None:
        self._encoder = encoder
        self._left = pictures
        self._end = end
        self._thread = ThreadPoolExecutor(1)
        self._coming: deque[Future[None]] = deque()
        self._file: Future[bytes] | None = None

    def add(self, picture: RgbPicture, time: Fraction) -> None:
        """Take the next picture, shown from `time` seconds on."""
        if len(self._coming) >= _MOST_WAITING:
            self._coming.popleft().result()
        self._coming.append(self._thread.submit(self._encoder.add, picture, time))
        self._left -= 1
        if not self._left:
            self._file = self._thread.submit(self._encoder.finish, self._end)

    def finish(self, end: Fraction) -> bytes:
        """Return the file, when it is finished."""
        assert self._file is not None  # noqa: S101  all pictures are there
        assert end == self._end  # noqa: S101  it was planned
        for each in self._coming:
            each.result()
        return self._file.result()

    def close(self) -> None:
        """Wait for the step that runs, and drop the others."""
        self._thread.shutdown(cancel_futures=True)
