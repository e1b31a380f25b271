import threading
from collections.abc import Iterator

import pytest

from scrubjay.media.ahead import ahead


def _counting(made: list[int], *, fails_at: int = 100) -> Iterator[int]:
    for number in range(6):
        if number == fails_at:
            raise LookupError(number)
        made.append(threading.get_ident())
        yield number


@pytest.mark.parametrize("most", [1, 3, 20])
def test_items_come_in_order_from_one_thread(most: int) -> None:
    """Everything is yielded, in order, and made in a single other thread."""
    made: list[int] = []
    assert list(ahead(_counting(made), most)) == list(range(6))
    assert len(set(made)) == 1
    assert made[0] != threading.get_ident()


def test_an_error_comes_after_what_was_made_before_it() -> None:
    """What fails in the thread is raised where it would have been without one."""
    items = ahead(_counting([], fails_at=3), 4)
    assert [next(items), next(items), next(items)] == [0, 1, 2]
    with pytest.raises(LookupError):
        next(items)


def test_closing_ends_the_thread() -> None:
    """Whoever stops early leaves no thread behind, and no more than `most` items are made."""
    made: list[int] = []
    before = set(threading.enumerate())
    items = ahead(_counting(made), 2)
    assert next(items) == 0
    items.close()
    assert set(threading.enumerate()) <= before
    assert len(made) <= 4
