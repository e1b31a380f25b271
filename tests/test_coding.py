"""What others wrote: plans, records, notes, replies, events and letters of any content."""

import contextlib
import json
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrubjay.aws.dead_letters import read_dead_letter
from scrubjay.aws.events import SliceEvent, Upload, orders_in, uploads_in
from scrubjay.aws.log import log
from scrubjay.coding import decode, decode_as, encode, parse_json
from scrubjay.engines.base import Job
from scrubjay.engines.queue.beginning import begin
from scrubjay.engines.queue.notes import Failure
from scrubjay.engines.queue.orders import FinishOrder, SliceOrder
from scrubjay.engines.wire import to_command, to_reply
from scrubjay.errors import EventError
from scrubjay.keys import FAILURES, failure_key
from scrubjay.model import Manifest, MediaInfo, Plan, SliceRecord
from scrubjay.places.place import Place
from scrubjay.sets.store import Store

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=10**300, max_value=10**301),
    st.floats(allow_nan=True, allow_infinity=True),
    st.text(),
    st.sampled_from(["7/3", "1e99", "1/0", "-1", "nan", "9" * 300, f"1/{'9' * 190}", "\x1b[2J"]),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
DEEP = [
    b"[" * 100_000,
    b'{"Records":' * 5_000 + b"1" + b"}" * 5_000,
    b"[" * 900 + b"]" * 900,
    b'{"format":' + b"[" * 990 + b"]" * 990 + b"}",
]
BROKEN = [b"", b"\xff\xfe", b'{"plan": "\xff"}', b'{"plan": "\\ud800"}', b"NaN", b"1e999", b"{"]

BORDERS: dict[str, Callable[[bytes], object]] = {
    **{
        kind.__name__: partial(decode, kind=kind)
        for kind in (
            Plan,
            SliceRecord,
            Manifest,
            MediaInfo,
            Failure,
            Upload,
            SliceOrder,
            FinishOrder,
        )
    },
    "reply": to_reply,
    "command": to_command,
    "any": parse_json,
}


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("data", DEEP + BROKEN, ids=range(len(DEEP + BROKEN)))
def test_a_broken_text_is_one_error(border: str, data: bytes) -> None:
    """Text that is nested, cut off, not UTF-8 or not JSON is a `DecodeError` at every border."""
    with pytest.raises(msgspec.DecodeError):
        BORDERS[border](data)


@pytest.mark.parametrize("border", BORDERS)
@given(data=st.one_of(st.binary(max_size=60), JSON.map(lambda value: json.dumps(value).encode())))
def test_any_json_is_a_value_or_one_error(border: str, data: bytes) -> None:
    """Whatever bytes arrive, a border returns a value or raises `DecodeError`."""
    with contextlib.suppress(msgspec.DecodeError):
        BORDERS[border](data)


def _leaves(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:  # noqa: ANN401
    pairs: list[tuple[Any, Any]] = []
    if isinstance(tree, dict):
        pairs = list(tree.items())
    elif isinstance(tree, list):
        pairs = list(enumerate(tree))
    inner = [leaf for key, each in pairs for leaf in _leaves(each, (*path, key))]
    return [*inner, path] if path else inner


@given(data=st.data())
def test_a_plan_with_any_field_changed_is_a_plan_or_one_error(
    planned: Callable[..., Plan], data: st.DataObject
) -> None:
    """One poisoned field in a plan is refused, or gives a plan whose numbers make sense."""
    tree: Any = json.loads(encode(planned(Fraction(60))))
    *path, last = data.draw(st.sampled_from(_leaves(tree)))
    section = tree
    for step in path:
        section = section[step]
    section[last] = data.draw(JSON)
    try:
        plan = decode_as(tree, Plan)
    except msgspec.DecodeError:
        return
    assert all(part.start < part.end for part in plan.slices)
    assert plan.slices[-1].end == plan.media.duration
    assert plan.media.width > 0
    assert plan.media.time_base > 0


@given(event=JSON)
def test_any_event_is_read_or_one_error(event: object) -> None:
    """Events of any content give orders and uploads, or an `EventError`."""
    for read in (orders_in, uploads_in):
        with contextlib.suppress(EventError):
            list(read(event))


FIELDS = ("key", "start", "end", "bucket", "etag", "index", "plan", "output", "Key")


@given(detail=st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_any_order_makes_sense_or_is_one_error(detail: dict[str, Any]) -> None:
    """A slice's event has a stretch of time that can be worked with, or is an `EventError`."""
    try:
        [order] = orders_in({"detail": {"key": "a.mp4", "start": 0, "end": 30} | detail})
    except EventError:
        return
    assert isinstance(order, SliceEvent)
    assert 0 <= float(order.start) <= float(order.end)
    assert (order.index or 0) < 1 << 41


@given(body=st.one_of(st.text(), JSON.map(json.dumps)))
def test_any_letter_is_read_or_one_error(body: str) -> None:
    """A dead letter of any content is read, or is an `EventError`: the others have their turn."""
    with contextlib.suppress(EventError):
        read_dead_letter(body)


@pytest.mark.parametrize("data", DEEP + BROKEN, ids=range(len(DEEP + BROKEN)))
def test_a_broken_letter_is_one_error(data: bytes) -> None:
    """A letter that is nested or not JSON is an `EventError`, inside an envelope as well."""
    text = data.decode(errors="surrogateescape")
    for body in (text, json.dumps({"Records": [{"Sns": {"Message": text}}]})):
        with pytest.raises(EventError):
            read_dead_letter(body)


def test_a_new_plan_takes_away_only_its_own_notes(planned: Callable[..., Plan]) -> None:
    """What lies beside the notes of failed slices, under other names, stays."""
    store = Store.in_memory()
    theirs = [f"{FAILURES}notes.txt", f"{FAILURES}000030.json.bak", f"{FAILURES}deep/000030.json"]
    for key in (*theirs, failure_key(Fraction(30))):
        store.put(key, b"{}", "application/json")
    begin(Job(planned(Fraction(60)), Place.of("s3://films/a.mp4"), store))
    assert sorted(store.sizes(FAILURES)) == sorted(theirs)


@pytest.mark.parametrize("url", ["https://a.example/x?sig=s3cret", "https://u:s3cret@a.example/x"])
@pytest.mark.parametrize("around", ['he said "{}"', "{}\nnext", "{}'", '["{}"]', "\x1b]0;{}\x07"])
def test_a_log_s_line_is_json_without_secrets(
    url: str, around: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Secrets go from a log's fields, however deep, before they are JSON, which stays JSON."""
    text = around.format(url)
    log("ERROR", text, trace=text, deep={"list": [text, 1.5, float("nan"), ValueError(text)]})
    line = capsys.readouterr().out
    assert "s3cret" not in line
    assert json.loads(line)["deep"]["list"][1] == 1.5
    assert "\n" not in line.rstrip("\n")
