import json
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sheet_strategies import sheets_and_lengths

from scrubjay.coding import MOST_SECONDS
from scrubjay.identity import plan_id
from scrubjay.model import (
    Animation,
    Artifact,
    Plan,
    Recipe,
    Sheet,
    SliceRecord,
    Still,
    decode,
    decode_as,
    encode,
    encode_pretty,
    exact,
)

FINEST = 10**12
FRACTIONS = st.fractions(min_value=Fraction(1, 100), max_value=86_400, max_denominator=FINEST)
ANIMATIONS = st.builds(
    Animation,
    name=st.sampled_from(["animations", "web", "a-1"]),
    fps=st.fractions(min_value=Fraction(1, 100), max_value=50, max_denominator=FINEST),
    width=st.integers(1, 4096),
    colors=st.integers(2, 255),
)
STILLS = st.builds(
    Still,
    name=st.sampled_from(["frames", "small", "large"]),
    interval=FRACTIONS,
    quality=st.integers(1, 100),
)


def _some(outputs: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    """Any number of outputs, none of the same name."""
    return st.lists(outputs, max_size=3, unique_by=lambda output: output.name).map(tuple)


RECIPES = st.builds(
    lambda fitting, **fields: Recipe(sheets=fitting[:1], slice_length=fitting[1], **fields),
    fitting=sheets_and_lengths(least=Fraction(1, 10), longest=Fraction(86_400), name="tiles"),
    animations=_some(ANIMATIONS),
    frames=_some(STILLS),
    documents=st.sampled_from([(), ("webvtt",), ("webvtt", "page")]),
)


@given(recipe=RECIPES)
def test_recipes_survive_json(recipe: Recipe) -> None:
    """A recipe comes back from JSON as it was, to the last fraction of a second."""
    assert decode(encode(recipe), Recipe) == recipe
    assert decode(encode_pretty(recipe), Recipe) == recipe


@given(time=st.fractions(min_value=-MOST_SECONDS, max_value=MOST_SECONDS, max_denominator=1 << 300))
def test_times_are_exact_text(time: Fraction) -> None:
    """An exact time is written as text and read back exactly."""
    assert json.loads(encode(time)) == str(time)
    assert decode(encode(time), Fraction) == time


def test_a_plan_survives_json(planned: Callable[..., Plan]) -> None:
    """A plan comes back from both kinds of JSON as it was; equal plans give equal bytes."""
    plan = planned(Fraction(100, 3), Recipe(slice_length=Fraction(7, 3), sheets=()))
    assert decode(encode(plan), Plan) == plan
    assert decode(encode_pretty(plan), Plan) == plan
    assert encode(decode(encode(plan), Plan)) == encode(plan)


NUMBERS = st.one_of(
    st.integers(1, 50),
    st.fractions(Fraction(1, 10), 50, max_denominator=FINEST),
    st.floats(0.1, 50).map(lambda number: round(number, 6)),
    st.sampled_from(["30", "29.97", "30000/1001", "7/3", "1e1"]),
)


@given(tolerance=NUMBERS, fps=NUMBERS, stills=NUMBERS, fitting=sheets_and_lengths(width=16))
def test_a_plan_s_id_survives_json(
    planned: Callable[..., Plan],
    tolerance: object,
    fps: object,
    stills: object,
    fitting: tuple[Sheet, Fraction],
) -> None:
    """However a recipe's numbers were written, its plan has the same id after a round trip."""
    sheet, length = fitting
    recipe = Recipe(
        slice_length=length,
        tolerance=tolerance,  # type: ignore[arg-type]
        animations=(Animation(fps=fps),),  # type: ignore[arg-type]
        frames=(Still(interval=stills),),  # type: ignore[arg-type]
        sheets=(sheet,),
    )
    plan = planned(Fraction(61), recipe, width=64, height=36)
    assert plan_id(decode(encode(plan), Plan)) == plan_id(plan)
    assert plan_id(decode(encode_pretty(plan), Plan)) == plan_id(plan)


@pytest.mark.parametrize(
    ("section", "field", "value"),
    [
        (Still, "quality", 101),
        (Still, "quality", True),
        (Still, "width", -1),
        (Still, "interval", "1e99"),
        (Still, "interval", "nan"),
        (Still, "interval", float("inf")),
        (Animation, "fps", 0.1 + 0.2),
        (Animation, "width", 240.5),
        (Sheet, "name", "Größe"),
        (Sheet, "name", "a/b"),
        (Sheet, "name", ".."),
        (Still, "format", "gif"),
        (Animation, "format", "jpeg"),
        (Recipe, "slice_length", None),
    ],
)
def test_a_recipe_made_in_python_is_checked(section: type, field: str, value: object) -> None:
    """What a recipe file may not say, Python may not either; the error names the field."""
    with pytest.raises(ValueError, match=field):
        section(**{field: value})


def test_a_record_survives_json() -> None:
    """A record comes back as it was, and knows the size of each artifact."""
    artifacts = tuple(
        Artifact(
            key=key,
            media_type="image/jpeg",
            start=start,
            end=start + 1,
            pictures=1,
            source_times=(start - Fraction(1, 24),),
            size_bytes=size,
            blake2b="0" * 32,
        )
        for key, start, size in (("a", Fraction(7, 3), 7), ("b", Fraction(10, 3), 8))
    )
    record = SliceRecord(
        output="0123456789ab",
        start=Fraction(7, 3),
        end=Fraction(14, 3),
        artifacts=artifacts,
        damaged_packets=1,
    )
    assert decode(encode(record), SliceRecord) == record
    assert record.sizes() == {"a": 7, "b": 8}


def test_a_plan_carries_nothing_of_this_machine(planned: Callable[..., Plan]) -> None:
    """A plan can go to any machine: it holds no path."""
    assert b"/work" not in encode(planned(Fraction(10)))
    assert decode(encode(planned(Fraction(10))), Plan).source.name == "film.mp4"


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("7/3", Fraction(7, 3)),
        ("29.97", Fraction(2997, 100)),
        (0.1, Fraction(1, 10)),
        (3, Fraction(3)),
        ("1e-2", Fraction(1, 100)),
        (Fraction(1, 3), Fraction(1, 3)),
    ],
)
def test_numbers_are_taken_as_written(value: object, number: Fraction) -> None:
    """Decimals mean what a person wrote, not the nearest binary number."""
    assert exact(value) == number


@pytest.mark.parametrize("value", ["1e999999999", "1E+99999", "-1e-0099999", "9" * 5000])
def test_numbers_of_absurd_length_are_refused(value: str) -> None:
    """A few letters from a stranger cannot fill the memory with digits."""
    with pytest.raises(ValueError, match="expected a number"):
        exact(value)


@pytest.mark.parametrize("value", ["", "ten", "1/0", True, None, float("nan"), float("inf"), [1]])
def test_no_numbers_are_refused(value: object) -> None:
    """What is no number is an error that repeats it."""
    with pytest.raises(ValueError, match="expected a number"):
        exact(value)


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"slice_lenght": 30}, "slice_lenght"),
        ({"animations": [{"with": 240}]}, "with"),
        ({"animations": [{"width": 0}]}, r"animations\[0\]\.width"),
        ({"animations": [{"width": "wide"}]}, r"animations\[0\]\.width"),
        ({"animations": [{"width": 240.5}]}, r"animations\[0\]\.width"),
        ({"animations": [{"fps": 0}]}, "fps is 0"),
        ({"animations": [{"fps": 51}]}, "fps is 51"),
        ({"animations": [{"colors": 256}]}, r"animations\[0\]\.colors"),
        ({"animations": [{"format": "bmp"}]}, "format is 'bmp'; animations can be gif"),
        ({"frames": [{"quality": 101}]}, r"frames\[0\]\.quality"),
        ({"frames": [{"interval": -1}]}, "interval is -1"),
        ({"frames": [{"name": "A"}]}, r"frames\[0\]\.name"),
        ({"frames": [{}, {}]}, "2 outputs have the name 'frames'"),
        ({"sheets": [{"name": "frames"}]}, "2 outputs have the name 'frames'"),
        ({"sheets": [{"columns": 0}]}, r"sheets\[0\]\.columns"),
        ({"sheets": 6}, r"\$\.sheets"),
        ({"slice_length": "1/1000"}, "slice_length is 1/1000"),
        ({"slice_length": float("nan")}, "expected a number"),
        ({"animations": (), "frames": (), "sheets": ()}, "no output"),
        (
            {"frames": [{"name": f"f{number}"} for number in range(31)]},
            "33 outputs; at most 32 are allowed",
        ),
        ({"documents": ["subtitles"]}, "unknown document 'subtitles'; choose from page"),
        ({"documents": ["page", "page"]}, "a document twice"),
    ],
)
def test_recipes_are_strict(fields: dict[str, object], place: str) -> None:
    """A recipe with an unknown field or an impossible value is refused by name."""
    with pytest.raises(msgspec.ValidationError, match=place):
        decode_as(fields, Recipe)


def test_values_are_frozen() -> None:
    """What passes between rooms cannot be changed."""
    with pytest.raises(AttributeError):
        Recipe().slice_length = Fraction(1)  # type: ignore[misc]
