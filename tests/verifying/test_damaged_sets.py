"""Every damage to a finished set is named: all of them are copies in one library."""

import json
import re
import shutil
from pathlib import Path

import pytest
from damages import DAMAGES, RECIPE, Damage

import scrubjay
from scrubjay.engines.inline import InlineEngine
from scrubjay.keys import USAGE
from scrubjay.registry import DOCUMENTS
from scrubjay.verifying.checks.documents import reader_of
from scrubjay.verifying.differences import differences
from scrubjay.verifying.report import CHECKS, Report, SetReport


@pytest.fixture(scope="module")
def whole(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set with every kind of output and every document, of six slices."""
    folder = tmp_path_factory.mktemp("whole") / "set"
    with InlineEngine() as engine:
        scrubjay.make(clip, folder, recipe=RECIPE, engine=engine)
    return folder


@pytest.fixture(scope="module")
def library(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Damaged copies of the set, and an undamaged one below a folder."""
    folder = tmp_path_factory.mktemp("library")
    for name in {damage.copy for damage in DAMAGES}:
        shutil.copytree(whole, folder / name)
    for damage in DAMAGES:
        damage.damage(folder / damage.copy)
    shutil.copytree(whole, folder / "films" / "1999" / "whole")
    (folder / "films" / "notes.txt").write_text("not ours")
    return folder


@pytest.fixture(scope="module")
def report(library: Path) -> Report:
    """What verifying the library finds."""
    return scrubjay.verify(library)


@pytest.fixture(scope="module")
def reports(report: Report) -> dict[str, SetReport]:
    """The same, by the name of each set's folder."""
    return {Path(each.destination).name: each for each in report.sets}


def test_the_damages_are_many_and_distinct() -> None:
    """No two have the same name, and every check of objects and documents has one."""
    names = [damage.name for damage in DAMAGES]
    assert len(names) == len(set(names)) >= 40
    without_source = CHECKS.keys() - {"source", "time", "picture"}
    assert {damage.check for damage in DAMAGES} == without_source


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.name)
def test_a_damage_is_named(reports: dict[str, SetReport], damage: Damage) -> None:
    """The right check names the object, and says what is wrong with it."""
    found = reports[damage.copy]
    named = [each for each in found.findings if each.check == damage.check]
    assert [each for each in named if damage.key in each.key and damage.says in each.message], (
        found.findings
    )
    assert found.holds == (damage.check == "stale")


def test_a_whole_set_holds(reports: dict[str, SetReport]) -> None:
    """Nothing is found, and everything was looked at."""
    whole = reports["whole"]
    assert whole.findings == ()
    assert whole.holds
    assert whole.slices == 7
    assert whole.objects == 6 * 3 + 12 + 12 + 6 + 1 + 6 + 1
    assert whole.pictures == 6 * 3 * 8 + 12 + 12 + 12 + 1 + 6 + 1
    assert whole.documents > len(DOCUMENTS)


def test_a_library_holds_only_if_all_do(report: Report) -> None:
    """The report has every set once, by address, and says so."""
    assert not report.holds
    assert len(report.sets) == 1 + len({damage.copy for damage in DAMAGES})
    places = [each.destination for each in report.sets]
    assert places == sorted(places)


def test_every_check_is_documented() -> None:
    """The page about verifying has a row for each check, in order."""
    page = Path(__file__).parents[2] / "docs" / "verify.md"
    rows = re.findall(r"^\| `([a-z]+)` \| (.+) \|$", page.read_text(), re.MULTILINE)
    assert dict(rows) == CHECKS


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_document_has_a_reader(name: str) -> None:
    """A document of the registry has a module of its name among the readers."""
    assert callable(reader_of(name))


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    """A copy of the whole set."""
    return shutil.copytree(whole, tmp_path / "set")


def test_repairing_with_the_video_makes_the_set_whole(copy: Path, clip: Path) -> None:
    """What was damaged is made again, byte for byte, and documents are published again."""
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    for damage in DAMAGES:
        if damage.name in {
            "a flipped bit",
            "a missing record",
            "a cue that is a second late",
            "a stray object",
            "a damaged index of a BIF",
        }:
            damage.damage(copy)
    (copy / "stills" / "mine.txt").write_text("not made by Scrubjay")
    broken = scrubjay.verify(copy)
    with InlineEngine() as engine:
        assert scrubjay.repair(copy, broken, source=clip, engine=engine) >= 3
    [after] = scrubjay.verify(copy).sets
    assert [(each.check, Path(each.key).name) for each in after.wrong] == [("stray", "mine.txt")]
    (copy / "stills" / "mine.txt").unlink()
    (copy / USAGE).write_bytes(before[copy / USAGE])  # it is measured
    assert {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()} == before


def test_repairing_without_the_video_leaves_gaps(copy: Path) -> None:
    """What is wrong is removed and becomes a gap; the set holds, and `make` fills it later."""
    next(each for each in DAMAGES if each.name == "a flipped bit").damage(copy)
    page = (copy / "index.html").read_text()
    assert scrubjay.repair(copy, scrubjay.verify(copy)) == 2
    [after] = scrubjay.verify(copy).sets
    assert (after.holds, after.gaps) == (True, 1)
    [source] = re.findall(r'<video [^>]*src="([^"]+)"', page)
    assert f'src="{source}"' in (copy / "index.html").read_text()


def test_a_plan_of_endless_pictures_is_not_followed(copy: Path) -> None:
    """A stranger's plan may have any numbers: one with billions of pictures is only named."""
    path = copy / ".scrubjay/plan.json"
    tree = json.loads(path.read_bytes())
    tree["recipe"]["frames"][0]["interval"] = "1/100"
    tree["media"]["duration"] = tree["slices"][-2]["end"] = tree["slices"][-1]["end"] = "900000000"
    path.write_text(json.dumps(tree))
    [report] = scrubjay.verify(copy).sets
    [finding] = report.findings
    assert (finding.check, "more than any set" in finding.message) == ("plan", True)


def test_a_whole_set_is_not_changed_by_repairing(copy: Path) -> None:
    """There is nothing to remove."""
    assert scrubjay.repair(copy, scrubjay.verify(copy)) == 0


def test_an_empty_entry_differs() -> None:
    """An entry of a document that has no fields at all is a difference as well."""
    assert [each.message for each in differences([{"x": 1}], [{}], "tile")] == [
        "x of tile is not as it should be"
    ]
