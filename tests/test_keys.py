from fractions import Fraction
from string import ascii_letters, digits

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrubjay import keys
from scrubjay.keys import (
    animation_key,
    failure_key,
    frame_key,
    is_artifact,
    is_ours,
    record_key,
    set_prefix,
    sheet_key,
)

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
        assert key.rpartition("/")[0] in keys.FOLDERS


@pytest.mark.parametrize(
    "key",
    [
        keys.MANIFEST,
        keys.PAGE,
        keys.WEBVTT,
        keys.PLAN,
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


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("movie.mp4", "movie.mp4"),
        ("films/2021/my film.mov", "films/2021/my~20film.mov"),
        ("Größe.mp4", "Gr~c3~b6~c3~9fe.mp4"),
        ("a~20b.mp4", "a~7e20b.mp4"),
        ("/a//../b.mp4", "~/a/~/~2e~2e/b.mp4"),
        ("a.b.mp4", "a.b.mp4"),
    ],
)
def test_a_set_is_named_after_its_video(key: str, expected: str) -> None:
    """The whole key, with what file systems and URLs cannot bear written out."""
    assert set_prefix(key) == expected


@given(one=st.text(min_size=1, max_size=300), other=st.text(min_size=1, max_size=300))
def test_no_two_videos_share_a_set(one: str, other: str) -> None:
    """Different keys have different sets, whose names are safe and short enough."""
    for key in (one, other):
        prefix = set_prefix(key)
        assert set(prefix) <= set(ascii_letters + digits + "-_.~/")
        assert not {"", ".", ".."} & set(prefix.split("/"))
        assert len(prefix) <= 600
        assert max(map(len, prefix.split("/"))) <= 200
    assert (set_prefix(one) == set_prefix(other)) == (one == other)


@pytest.mark.parametrize("end", ["x" * 1000, "ö" * 400, "/".join("abcdefgh" * 60)])
def test_long_keys_are_shortened_apart(end: str) -> None:
    """Keys that differ in one letter far away from their end still have two sets."""
    assert len({set_prefix(f"{first}{end}.mp4") for first in "ab"}) == 2
    assert len(set_prefix(f"a{end}.mp4")) <= 600


def test_what_functions_leave_is_ours_and_no_artifact() -> None:
    """Notes and markers are never called stale, and unfinished ones are swept."""
    marks = (keys.ORIGIN, keys.PROBLEM, keys.SENT, keys.ANNOUNCED)
    for key in (failure_key(Fraction(30)), *marks):
        assert is_ours(key)
        assert not is_artifact(key)
        assert key.rpartition("/")[0] in keys.FOLDERS
