"""Decoding in a thread of its own, a few pictures ahead of painting."""

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

__all__ = ["ahead"]

T = TypeVar("T")


class _End:
    """Marks the end of the items."""


_END = _End()


def ahead(items: Iterator[T], most: int) -> Generator[T]:
    """Yield the items of an iterator, up to `most` of them produced ahead of time in a thread.

    Items are produced one at a time, all in the same thread, so the iterator need not be
    thread-safe. Its errors are raised here, in the order of its items. Closing this generator waits
    for the item that is being produced.

    Args:
        items: a decoder's frames gain most, because FFmpeg and libswscale release Python's lock
            while they work.
        most: at least 1.
    """
    with ThreadPoolExecutor(1) as thread:
        coming = deque(thread.submit(_next, items) for _ in range(most))
        try:
            while not isinstance(item := coming.popleft().result(), _End):
                coming.append(thread.submit(_next, items))
                yield item
        finally:
            for each in coming:
                each.cancel()


def _next(items: Iterator[T]) -> T | _End:
    return next(items, _END)
