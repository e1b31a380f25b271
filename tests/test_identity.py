"""Ids: what decides an output's bytes changes its id, and nothing else does."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sheet_strategies import sheets_and_lengths

from scrubjay import identity
from scrubjay.coding import decode_as
from scrubjay.errors import VersionError
from scrubjay.identity import FOR_PEOPLE, output_id, plan_id
from scrubjay.model import (
    PRESETS,
    Animation,
    MediaInfo,
    Output,
    Plan,
    Recipe,
    Sheet,
    SourceRef,
    Still,
    decode,
    encode,
    encode_pretty,
)
from scrubjay.planning import make_plan
from scrubjay.registry import EVERY_FORMAT, FORMATS
from scrubjay.sets.store import Store
from scrubjay.slices.renderer import render_slice
from scrubjay.slices.versions import check_versions, installed_versions

replace = msgspec.structs.replace

LIBRARIES = {"scrubjay": "4", "av": "18.1.0", "numpy": "2.4.0", "simplejpeg": "1.9.0"}
KINDS = ("animations", "frames", "sheets")


@pytest.fixture(scope="module")
def plan(planned: Callable[..., Plan]) -> Plan:
    """The classic recipe of a film of a minute."""
    return planned(Fraction(61))


def _ids(
    plan: Plan,
    *,
    source: SourceRef | None = None,
    media: MediaInfo | None = None,
    recipe: Recipe | None = None,
    versions: Mapping[str, str] = LIBRARIES,
) -> dict[str, str]:
    """Return the id of each output, of a plan with something else in one place."""
    found = make_plan(
        source or plan.source, media or plan.media, recipe or plan.recipe, versions=versions
    )
    return {output.name: output.id for output in found.outputs}


def _differing(one: Mapping[str, str], other: Mapping[str, str]) -> set[str]:
    assert one.keys() == other.keys()
    return {name for name in one if one[name] != other[name]}


def test_ids_name_folders(plan: Plan) -> None:
    """An id is 12 hexadecimal digits; no two outputs of a plan share one."""
    ids = _ids(plan).values()
    assert len(set(ids)) == 3
    for id_ in ids:
        assert len(id_) == 12
        assert int(id_, 16) >= 0


def test_what_is_for_people_changes_nothing(plan: Plan) -> None:
    """A renamed file, reworded warnings and facts that no picture shows: the ids stay."""
    source = replace(plan.source, name="holiday.mov")
    media = replace(
        plan.media,
        container="matroska",
        codec="hevc",
        declared_duration=Fraction(7),
        frame_rate=None,
        has_audio=False,
        packets=1,
        warnings=("an unusual clock", "another"),
    )
    changed = make_plan(source, media, plan.recipe)
    assert [output.id for output in changed.outputs] == [output.id for output in plan.outputs]
    assert plan_id(changed) == plan_id(plan)


def _others(value: object, kind: Any) -> list[Any]:  # noqa: ANN401  an annotation
    """Return values that a field could have instead, by its annotation."""
    choices = [each for each in get_args(kind) if each is not type(None)]
    match value:
        case bool():
            return [not value]
        case _ if choices and all(isinstance(each, str | int) for each in choices):
            return [each for each in choices if each != value]
        case int():
            return [value + 1]
        case Fraction():
            return [value + 1, value + Fraction(1, 90_000)]
        case str():
            return [value + "x"]
        case msgspec.Struct():
            return [
                replace(value, **{each.name: other})
                for each in msgspec.structs.fields(value)
                for other in _others(getattr(value, each.name), each.type)
            ]
        case _:
            raise AssertionError(f"say what else {value!r} could be")


FIELDS = {field.name: field for field in msgspec.structs.fields(MediaInfo)}


def test_every_name_is_a_fields() -> None:
    """What is said to be for people is a field of a video's facts: a renamed one is noticed."""
    assert FIELDS.keys() > FOR_PEOPLE


@pytest.mark.parametrize("name", sorted(FIELDS.keys() - FOR_PEOPLE))
def test_every_other_fact_decides(plan: Plan, name: str) -> None:
    """Each fact of a video that is not for people alone changes every output's id, however little.

    A new field decides, until somebody says that it does not.
    """
    value = getattr(plan.media, name)
    others = _others(value, FIELDS[name].type)
    assert others
    seen = {tuple(_ids(plan).values())}
    for other in others:
        ids = {
            each.name: output_id(
                plan.source, replace(plan.media, **{name: other}), plan.recipe, each, LIBRARIES
            )
            for each in plan.recipe.outputs
        }
        assert _differing(ids, _ids(plan)) == set(KINDS), (name, other)
        seen.add(tuple(ids.values()))
    assert len(seen) == 1 + len(others)


@pytest.mark.parametrize(
    ("recipe", "changed"),
    [
        (Recipe(animations=(Animation(width=320),)), {"animations"}),
        (Recipe(animations=(Animation(fps=Fraction(12)),)), {"animations"}),
        (Recipe(animations=(Animation(colors=64),)), {"animations"}),
        (Recipe(animations=(Animation(max_bytes=50_000),)), {"animations"}),
        (Recipe(frames=(Still(width=320),)), {"frames"}),
        (Recipe(frames=(Still(interval=Fraction(2)),)), {"frames"}),
        (Recipe(frames=(Still(quality=81),)), {"frames"}),
        (Recipe(sheets=(Sheet(width=320),)), {"sheets"}),
        (Recipe(sheets=(Sheet(columns=5),)), {"sheets"}),
        (Recipe(sheets=(Sheet(quality=76),)), {"sheets"}),
        (Recipe(background="#ffffff"), set(KINDS)),
        (Recipe(stereo="left"), set(KINDS)),
        (Recipe(tolerance=Fraction(1)), set(KINDS)),
        (Recipe(slice_length=Fraction(20)), {"animations", "frames", "sheets"}),
        (Recipe(documents=("webvtt",)), set()),
    ],
)
def test_a_recipe_decides_what_depends_on_it(plan: Plan, recipe: Recipe, changed: set[str]) -> None:
    """Another width, quality or slice length changes the ids of the outputs that show it alone."""
    assert _differing(_ids(plan, recipe=recipe), _ids(plan)) == changed
    assert plan_id(make_plan(plan.source, plan.media, recipe)) != plan_id(plan)


def test_another_output_changes_no_id(plan: Plan) -> None:
    """Outputs that are added or left out change nothing of the others, and a name is one's own."""
    more = Recipe(
        animations=(),
        frames=(Still(), Still(name="small", width=64), Still(name="copy")),
    )
    ids = _ids(plan, recipe=more)
    assert {name: ids[name] for name in ("frames", "sheets")} == {
        name: _ids(plan)[name] for name in ("frames", "sheets")
    }
    assert len(set(ids.values())) == 4  # what has another name lies in another folder


def test_with_a_tolerance_outputs_depend_on_each_other(plan: Plan) -> None:
    """A picture that may be another one is chosen by its neighbours, of whichever output."""
    near = Recipe(tolerance=Fraction(1))
    others = [
        Recipe(tolerance=Fraction(1), animations=(Animation(fps=Fraction(5)),)),
        Recipe(tolerance=Fraction(1), slice_length=Fraction(20)),
        Recipe(tolerance=Fraction(2)),
    ]
    for other in others:
        assert "frames" in _differing(_ids(plan, recipe=other), _ids(plan, recipe=near))
    wider = Recipe(tolerance=Fraction(1), animations=(Animation(width=320),))
    assert _differing(_ids(plan, recipe=wider), _ids(plan, recipe=near)) == {"animations"}


def test_another_source_is_another_set(plan: Plan) -> None:
    """A file of other content changes every id, whatever else of it is the same."""
    source = replace(plan.source, fingerprint="1" * 32)
    assert _differing(_ids(plan, source=source), _ids(plan)) == set(KINDS)


@pytest.mark.parametrize(
    ("library", "changed"),
    [
        ("scrubjay", set(KINDS)),
        ("av", set(KINDS)),
        ("numpy", set(KINDS)),
        ("simplejpeg", {"frames", "sheets"}),
        ("msgspec", set()),
    ],
)
def test_another_version_of_a_library_is_another_output(
    plan: Plan, library: str, changed: set[str]
) -> None:
    """The versions that may change a byte change the ids of what they make, and of nothing else."""
    versions = {**LIBRARIES, library: "99"}
    assert _differing(_ids(plan, versions=versions), _ids(plan)) == changed


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, formats in FORMATS.items() for name in formats]
)
def test_another_version_of_an_encoder_is_another_output(
    plan: Plan, kind: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Raising an encoder's version changes the ids of the outputs of its format alone."""
    before = _ids(plan)
    newer = FORMATS[kind][name]._replace(version=FORMATS[kind][name].version + 1)
    monkeypatch.setattr(identity, "FORMATS", {**FORMATS, kind: {**FORMATS[kind], name: newer}})
    of_format = {
        output.name
        for output in plan.recipe.outputs
        if (output.kind, output.format) == (kind, name)
    }
    assert _differing(_ids(plan), before) == of_format


def test_every_library_of_an_encoder_is_known(plan: Plan) -> None:
    """The versions that a plan is made for are those of all that ids depend on."""
    versions = installed_versions()
    needed = {
        "scrubjay",
        "av",
        "numpy",
        *(name for each in EVERY_FORMAT for name in each.libraries),
        *(each.encoder for each in EVERY_FORMAT if each.encoder),
    }
    assert versions.keys() == needed
    assert all(versions.values())
    assert make_plan(plan.source, plan.media, plan.recipe, versions=versions).versions == versions


def test_a_worker_of_other_versions_makes_nothing(plan: Plan, tmp_path: Path) -> None:
    """What would have other bytes than its id says is refused, and the libraries are named."""
    other = replace(plan, versions={**installed_versions(), "av": "1.2.3", "webp": "7"})
    with pytest.raises(VersionError, match=r"av .* instead of 1\.2\.3, webp none instead of 7"):
        render_slice(other, 0, source=tmp_path / "any.mp4", store=Store.open(tmp_path / "set"))
    assert list(tmp_path.iterdir()) == []
    check_versions(replace(plan, versions=installed_versions()))


class _LaterStill(Still, frozen=True, kw_only=True):
    """Stills of a later version, which has a field more."""

    sharpen: int = 0


class _LaterAnimation(Animation, frozen=True, kw_only=True):
    """Animations of a later version, which has a field more."""

    loops: tuple[int, ...] = (0,)


class _LaterRecipe(Recipe, frozen=True, kw_only=True):
    """A recipe of a later version, which has a field more."""

    frames: tuple[Still, ...] = (_LaterStill(),)
    subtitles: bool = False


def test_a_new_field_with_its_default_changes_nothing(plan: Plan) -> None:
    """Sets that were made before a field was added are still what their recipe asks for."""
    later = _LaterRecipe(animations=(_LaterAnimation(),))
    assert _ids(plan, recipe=later) == _ids(plan)
    used: list[Output] = [_LaterStill(sharpen=1), _LaterAnimation(loops=(1,))]
    for each in used:
        ids = output_id(plan.source, plan.media, later, each, LIBRARIES)
        assert ids != _ids(plan)[each.name]


def test_ids_are_what_they_were(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets that lie somewhere are found again: ids change by decision, never by accident.

    Whoever changes this makes every set anew, everywhere.
    """
    first = {
        kind: {name: format_._replace(version=1) for name, format_ in formats.items()}
        for kind, formats in FORMATS.items()
    }
    monkeypatch.setattr(identity, "FORMATS", first)
    assert _ids(plan) == {
        "animations": "c3ad22aac494",
        "frames": "e0ad3421527f",
        "sheets": "54fc58e00df8",
    }


NUMBERS = st.one_of(
    st.integers(1, 50),
    st.fractions(Fraction(1, 2), 50, max_denominator=10**6),
    st.floats(0.5, 50).map(lambda number: round(number, 6)),
    st.sampled_from(["30", "29.97", "30000/1001", "7/3", "1e1"]),
)
DURATIONS = st.fractions(Fraction(1, 24), 150, max_denominator=90_000)


@given(
    duration=DURATIONS,
    numbers=st.fixed_dictionaries(
        {},
        optional={
            "tolerance": NUMBERS,
            "background": st.sampled_from(["#000000", "#a0B1c2"]),
            "documents": st.sampled_from([[], ["page"], ["webvtt", "page"]]),
        },
    ),
    stills=st.lists(st.fixed_dictionaries({}, optional={"interval": NUMBERS}), max_size=3),
    fitting=sheets_and_lengths(width=16),
)
def test_ids_survive_json(
    planned: Callable[..., Plan],
    duration: Fraction,
    numbers: dict[str, Any],
    stills: list[dict[str, Any]],
    fitting: tuple[Sheet, Fraction],
) -> None:
    """A plan has the same ids wherever it comes from: Python, a file, a plan that was read back."""
    sheet, length = fitting
    fields = {
        **numbers,
        "slice_length": length,
        "frames": [{"name": f"f{place}", **still} for place, still in enumerate(stills)],
        "sheets": [msgspec.to_builtins(sheet, builtin_types=(Fraction,))],
    }
    recipe = decode_as(fields, Recipe)
    plan = planned(duration, recipe, width=64, height=36)
    for read in (decode(encode(plan), Plan), decode(encode_pretty(plan), Plan)):
        assert read == plan
        assert plan_id(read) == plan_id(plan)
        again = make_plan(read.source, read.media, read.recipe, versions=read.versions)
        assert again == plan
        assert plan_id(again) == plan_id(plan)
    twin = planned(duration, decode(encode(recipe), Recipe), width=64, height=36)
    assert plan_id(twin) == plan_id(plan)


@given(sheets=st.integers(1, 5), rate=st.integers(1, 50), interval=st.integers(1, 50))
def test_whole_seconds_are_the_same_however_they_are_written(
    planned: Callable[..., Plan], sheets: int, rate: int, interval: int
) -> None:
    """A time of 30, 30.0, "30" or Fraction(30) gives one id."""
    forms: list[Callable[[int], Any]] = [int, float, str, Fraction, lambda each: f"{2 * each}/2"]
    plans = [
        planned(
            Fraction(61),
            Recipe(
                slice_length=form(sheets * interval),
                animations=(Animation(fps=form(rate)),),
                frames=(Still(interval=form(interval)),),
                sheets=(Sheet(interval=form(interval), columns=40),),
            ),
            width=64,
            height=36,
        )
        for form in forms
    ]
    assert len({plan_id(plan) for plan in plans}) == 1
    assert len({plan.layouts for plan in plans}) == 1


def test_presets_have_ids_of_their_own(plan: Plan) -> None:
    """No preset shares a plan with another, and what two have in common has one id."""
    plans = [make_plan(plan.source, plan.media, recipe) for recipe in PRESETS.values()]
    assert len({plan_id(each) for each in plans}) == len(plans)
