from collections.abc import Callable
from fractions import Fraction
from string import ascii_letters, digits

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrubjay import keys
from scrubjay.documents.base import tracks_of
from scrubjay.keys import (
    artifact_folder,
    artifact_key,
    caching,
    failure_key,
    generation_key,
    is_document,
    is_failure,
    is_ours,
    record_folder,
    record_key,
    set_prefix,
)
from scrubjay.model import Plan, Recipe, Sheet, Still
from scrubjay.registry import DOCUMENTS

ID = "3f9a2c1e77d0"
NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,39}", fullmatch=True)
IDS = st.from_regex(r"[0-9a-f]{12}", fullmatch=True)
TIMES = st.integers(0, 10**9).map(lambda thousandths: Fraction(thousandths, 1000))


def _still(time: Fraction) -> str:
    return artifact_key("frames", ID, time, "jpg")


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (artifact_key("animations", ID, Fraction(30), "gif"), f"animations/{ID}/000030.gif"),
        (_still(Fraction(31)), f"frames/{ID}/000031.jpg"),
        (_still(Fraction(7, 3)), f"frames/{ID}/000002.333.jpg"),
        (artifact_key("small-2", ID, Fraction(1_234_567), "jpg"), f"small-2/{ID}/1234567.jpg"),
        (
            record_key(ID, Fraction(1, 2), Fraction(30)),
            f".scrubjay/slices/{ID}/000000.500-000030.json",
        ),
        (generation_key("0" * 32), f".scrubjay/generations/{'0' * 32}.json"),
    ],
)
def test_keys_are_named_by_their_second(key: str, expected: str) -> None:
    """Keys are six digits of seconds or more, with milliseconds where they are not whole."""
    assert key == expected


@given(one=TIMES, other=TIMES)
def test_keys_are_unique_and_sort_by_time(one: Fraction, other: Fraction) -> None:
    """Different milliseconds have different keys, in order of time while six digits last."""
    for key in (_still, lambda time: record_key(ID, time, Fraction(10**6))):
        assert (key(one) == key(other)) == (one == other)
        if max(one, other) < 10**6:
            first, second = (key(time).rpartition(".")[0] for time in sorted((one, other)))
            assert first <= second
    ends = {record_key(ID, Fraction(0), end) for end in (one, other)}
    assert len(ends) == len({one, other})  # two ways of slicing share no record


@given(name=NAMES, id_=IDS, start=TIMES, end=TIMES, suffix=st.sampled_from(["gif", "jpg", "webp"]))
def test_what_a_slice_writes_is_ours(
    name: str, id_: str, start: Fraction, end: Fraction, suffix: str
) -> None:
    """Every key of a slice is known as ours, and lies in the folders of its output."""
    artifact, record = artifact_key(name, id_, start, suffix), record_key(id_, start, end)
    assert is_ours(artifact)
    assert is_ours(record)
    assert artifact.rpartition("/")[0] + "/" == artifact_folder(name, id_)
    assert record.rpartition("/")[0] + "/" == record_folder(id_)


@given(one=st.tuples(NAMES, IDS, TIMES), other=st.tuples(NAMES, IDS, TIMES))
def test_outputs_share_no_key(
    one: tuple[str, str, Fraction], other: tuple[str, str, Fraction]
) -> None:
    """Whatever outputs are called: another name, id or time is another key."""
    assert (artifact_key(*one, "jpg") == artifact_key(*other, "jpg")) == (one == other)


@pytest.mark.parametrize(
    "key",
    [
        f"frames/{ID}/000001.jpg.bak",
        f"frames/{ID}/1.jpg",
        f"frames/{ID}/000001.jpg\n",
        f"frames/{ID[1:]}/000001.jpg",
        f"frames/{ID.upper()}/000001.jpg",
        f"my/frames/{ID}/000001.jpg",
        f"Frames/{ID}/000001.jpg",
        "frames/000001.jpg",
        "frames/holiday.jpg",
        f".scrubjay/slices/{ID}/000001.json",
        ".scrubjay/generations/mine.json",
        ".scrubjay/notes.txt",
        "holiday.jpg",
        "movie.mp4",
        "index.mp4.html",
        "storyboards.vtt",
        "storyboard-.vtt",
        "storyboard-a/b.vtt",
        "",
    ],
)
def test_other_objects_are_not_ours(key: str) -> None:
    """Other people's files are never taken for what Scrubjay wrote, whatever they resemble."""
    assert not is_ours(key)


@pytest.mark.parametrize("key", [keys.MANIFEST, keys.PLAN])
def test_the_manifest_and_the_plan_are_ours(key: str) -> None:
    """What says what a set is, is ours, and is no document that a recipe may lack."""
    assert is_ours(key)
    assert not is_document(key)


def test_documents_are_ours(planned: Callable[..., Plan]) -> None:
    """Every file that the documents of any recipe have is known as a document's."""
    sheets = tuple(Sheet(name=name) for name in ("sheets", "master", "x"))
    packed = tuple(Still(name=name, format="mjpg") for name in ("header", "master-2"))
    frames = (*packed, Still(name="poster", per="video"))
    recipe = Recipe(frames=frames, sheets=sheets, documents=tuple(DOCUMENTS))
    tracks = tracks_of(planned(Fraction(60), recipe))
    assert len(tracks) >= len(DOCUMENTS) + 2
    assert len(set(tracks.values())) == len(tracks)
    assert all(is_document(key) and is_ours(key) for key in tracks.values())


def test_only_artifacts_may_be_kept() -> None:
    """An artifact never changes under its key; all that may change is asked for each time."""
    assert "immutable" in caching(_still(Fraction(7)))
    for key in (keys.MANIFEST, keys.PAGE, keys.PLAN, record_key(ID, Fraction(0), Fraction(30))):
        assert caching(key) == "no-cache"


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


def test_what_functions_leave_is_ours() -> None:
    """Notes and markers are ours, so unfinished ones are swept; only a failure's is a failure."""
    failure = failure_key(Fraction(30))
    assert is_failure(failure)
    assert is_ours(failure)
    for key in (keys.ORIGIN, keys.PROBLEM, keys.SENT, keys.ANNOUNCED):
        assert is_ours(key)
        assert not is_failure(key)
