"""Decoding in a thread of its own, a few pictures ahead of whoever paints them."""

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

__all__ = ["ahead"]

T = TypeVar("T")


class _End:
    """Stands for the end of what is read."""


_END = _End()


def ahead(items: Iterator[T], most: int) -> Generator[T]:
    """Yield what an iterator yields, up to `most` items of which are made beforehand in a thread.

    Items are made one at a time, all in the same thread, so the iterator need not be safe to
    share. Its errors are raised here, in its items' order. Closing this generator waits for the
    item that is being made.

    Args:
        items: FFmpeg and libswscale let go of Python's lock while they work, so a decoder's
            frames gain most.
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
