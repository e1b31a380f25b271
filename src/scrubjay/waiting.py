"""Waits for calls that cannot be interrupted, so that signals still work.

While a library waits in C for a server, Python handles no signals, so a run could not be stopped.
So such calls run in threads that are not waited for when a signal arrives.
"""

import threading
from collections.abc import Callable, Iterable
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

__all__ = ["interruptible", "mapped", "within"]

T = TypeVar("T")
R = TypeVar("R")


def interruptible(call: Callable[[], R]) -> R:
    """Call a function that may wait in C, and handle signals meanwhile.

    Only the main thread handles signals, so other threads call it directly.
    """
    if threading.current_thread() is not threading.main_thread():
        return call()
    [result] = mapped(lambda _: call(), [None], lanes=2)
    return result


def mapped(function: Callable[[T], R], items: Iterable[T], *, lanes: int) -> list[R]:
    """Call a function with each item, several at once, and return the results in order.

    The first error, or that of a signal, is raised at once; running calls are not waited for.

    Args:
        function: called from threads, unless there is one lane.
        items: what to call it with.
        lanes: how many calls at once.
    """
    waiting = list(enumerate(items))
    if lanes == 1:
        return [function(item) for _, item in waiting]
    results: list[Any] = [None] * len(waiting)
    lock, ended = threading.Lock(), SimpleQueue[BaseException | None]()
    remaining = iter(waiting)

    def work() -> None:
        error: BaseException | None = None
        try:
            while True:
                with lock:
                    found = next(remaining, None)
                if found is None:
                    break
                results[found[0]] = function(found[1])
        except BaseException as exc:  # noqa: BLE001  it is raised below, where it is waited for
            error = exc
        ended.put(error)

    count = min(lanes, len(waiting))
    for _ in range(count):
        threading.Thread(target=work, daemon=True).start()
    try:
        for _ in range(count):
            if error := ended.get():
                raise error
    finally:
        with lock:
            waiting.clear()  # whoever is at work finds nothing more
    return results


def within(seconds: float, call: Callable[[], R]) -> R:
    """Call a function that may wait in C, and wait for it no longer than that.

    Raises:
        TimeoutError: it has not returned by then; it is left to itself.
    """
    results: list[R] = []
    ended = SimpleQueue[BaseException | None]()

    def work() -> None:
        error: BaseException | None = None
        try:
            results.append(call())
        except BaseException as exc:  # noqa: BLE001  it is raised below, where it is waited for
            error = exc
        ended.put(error)

    threading.Thread(target=work, daemon=True).start()
    try:
        error = ended.get(timeout=seconds)
    except Empty:
        raise TimeoutError("it took too long") from None
    if error:
        raise error
    return results[0]
