from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrubjay import naming
from scrubjay.naming import animation_key, frame_key, is_artifact, record_key, sheet_key

TIMES = st.integers(0, 10**9).map(lambda thousandths: Fraction(thousandths, 1000))
KEYS = (animation_key, frame_key, sheet_key, record_key)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (animation_key(Fraction(30)), "animations/000030.gif"),
        (frame_key(Fraction(31)), "frames/000031.jpg"),
        (frame_key(Fraction(7, 3)), "frames/000002.333.jpg"),
        (sheet_key(Fraction(1_234_567)), "sheets/1234567.jpg"),
        (record_key(Fraction(1, 2)), ".scrubjay/slices/000000.500.json"),
    ],
)
def test_keys_are_named_by_their_second(key: str, expected: str) -> None:
    """Keys are six digits of seconds or more, with milliseconds where they are not whole."""
    assert key == expected


@given(one=TIMES, other=TIMES)
def test_keys_are_unique_and_sort_by_time(one: Fraction, other: Fraction) -> None:
    """Different milliseconds have different keys, in order of time while six digits last."""
    for key in KEYS:
        assert (key(one) == key(other)) == (one == other)
        if max(one, other) < 10**6:
            first, second = (key(time).rpartition(".")[0] for time in sorted((one, other)))
            assert first <= second


@given(time=TIMES)
def test_what_a_slice_writes_is_an_artifact(time: Fraction) -> None:
    """Every key of a slice is known as one, and lies in a known folder."""
    for key in (make(time) for make in KEYS):
        assert is_artifact(key)
        assert key.rpartition("/")[0] in naming.FOLDERS


@pytest.mark.parametrize(
    "key",
    [
        naming.MANIFEST,
        naming.PAGE,
        naming.WEBVTT,
        naming.PLAN,
        "frames/000001.jpg.bak",
        "frames/1.jpg",
        "frames/000001.png",
        "my/frames/000001.jpg",
        "frames/000001.jpg\n",
        "holiday.jpg",
    ],
)
def test_other_objects_are_no_artifacts(key: str) -> None:
    """Documents and other people's files are never taken for what a slice wrote."""
    assert not is_artifact(key)
