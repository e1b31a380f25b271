from random import Random

from hypothesis import given
from hypothesis import strategies as st

from scrubjay.engines.handout import Handout

INDEXES = st.sets(st.integers(0, 60), min_size=1, max_size=40)


@given(indexes=INDEXES, workers=st.integers(1, 6), ends=st.randoms(use_true_random=False))
def test_every_slice_is_handed_out_once(indexes: set[int], workers: int, ends: Random) -> None:
    """In whatever order workers end, each slice goes to one of them, once."""
    handout = Handout(indexes)
    last: list[int | None] = [None] * workers
    busy: dict[int, int] = {}
    taken: list[int] = []
    while handout or busy:
        free = [worker for worker in range(workers) if worker not in busy]
        for worker in free:
            if handout:
                busy[worker] = handout.take(last[worker], busy.values())
                taken.append(busy[worker])
        done = ends.choice(sorted(busy))
        last[done] = busy.pop(done)
    assert sorted(taken) == sorted(indexes)
    assert not handout


@given(indexes=INDEXES, last=st.integers(0, 60), busy=st.sets(st.integers(0, 60)))
def test_a_worker_goes_on_where_it_stands(indexes: set[int], last: int, busy: set[int]) -> None:
    """While the slice after a worker's last is waiting, the worker gets it: no seek."""
    chosen = Handout(indexes).take(last, busy)
    assert (chosen == last + 1) == (last + 1 in indexes)


@given(indexes=INDEXES, busy=st.sets(st.integers(0, 60)))
def test_a_new_worker_leaves_others_their_neighbours(indexes: set[int], busy: set[int]) -> None:
    """A worker that has to jump takes no slice that another will go on to, if it can."""
    chosen = Handout(indexes).take(None, busy)
    starts = {index for index in indexes if index - 1 not in indexes}
    unclaimed = {index for index in starts if index - 1 not in busy}
    if unclaimed:
        assert chosen in unclaimed
    elif any(index not in starts for index in indexes):
        assert chosen - 1 not in busy or chosen not in starts


def test_one_worker_never_jumps() -> None:
    """One worker makes a whole video in order."""
    handout, last, order = Handout(range(9)), None, []
    while handout:
        last = handout.take(last, ())
        order.append(last)
    assert order == list(range(9))


def test_workers_split_the_video() -> None:
    """Workers that begin together begin far apart."""
    handout = Handout(range(8))
    first = handout.take(None, ())
    second = handout.take(None, [first])
    third = handout.take(None, [first, second])
    assert (first, second) == (0, 4)
    assert third in {2, 6}


def test_what_is_put_back_is_handed_out_again() -> None:
    """A slice that failed is handed out again, and only then is there nothing to do."""
    handout = Handout([3])
    assert handout.take(None, ()) == 3
    assert not handout
    handout.put_back(3)
    assert len(handout) == 1
    assert handout.take(None, ()) == 3


def test_clearing_takes_everything_back() -> None:
    """A run that is given up hands out nothing more, and knows what it did not try."""
    handout = Handout([5, 1, 2])
    handout.take(None, ())
    assert handout.clear() == [2, 5]
    assert not handout
