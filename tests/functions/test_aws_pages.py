"""The pages in docs/aws describe the deployed system as its template and its code do."""

import re
from fractions import Fraction
from math import ceil, isclose
from pathlib import Path

import pytest
from msgspec.structs import replace

from scrubjay.aws.events import FINISH, READY, SLICE, SOURCE
from scrubjay.costs import counts_of
from scrubjay.keys import ANNOUNCED, FAILURES, ORIGIN, PROBLEM, SENT
from scrubjay.limits import Limits
from scrubjay.model import PRESETS, Recipe
from scrubjay.settings import FunctionSettings

_ROOT = Path(__file__).parents[2]
_PAGES = {page.stem: page.read_text() for page in (_ROOT / "docs" / "aws").iterdir()}
_TEXT = "\n".join(_PAGES.values())
_MOST_WORDS = 1200
"""What a person reads in one sitting."""
_TEMPLATE = (_ROOT / "deploy" / "aws" / "template.yaml").read_text()

_GB = 1769 / 1024
_GB_SECOND, _REQUEST, _EVENT = 0.0000133334, 0.0000002, 0.000001
_GET, _PUT = 0.0000004, 0.000005
_GETS = 6
"""Of one slice, beside one for the record of each output."""


def _section(name: str) -> list[list[str]]:
    """Return the cells of a table between two comments, without its head."""
    text = re.search(rf"<!-- {name}\b.*?-->\n(.*?)<!-- /{name} -->", _TEXT, re.DOTALL)
    assert text, name
    rows = [line.strip("|").split(" | ") for line in text[1].splitlines()]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def _parameters() -> list[list[str]]:
    """Return name, default and description of each parameter of the template."""
    block = re.search(r"^Parameters:\n(.*?)^\S", _TEMPLATE, re.DOTALL | re.MULTILINE)
    assert block
    found: list[list[str]] = []
    for name, body in re.findall(r"^  (\w+):\n((?:    .*\n)+)", block[1], re.MULTILINE):
        fields = dict(re.findall(r"^    (\w+): (.*)$", body, re.MULTILINE))
        default = fields["Default"].strip('"')
        found.append([f"`{name}`", f"`{default}`" if default else "", fields["Description"]])
    return found


@pytest.mark.parametrize("page", sorted(_PAGES))
def test_a_page_is_short(page: str) -> None:
    """No page has more than 1,200 words, tables and code included."""
    assert len(_PAGES[page].split()) <= _MOST_WORDS


def test_every_parameter_is_in_the_table() -> None:
    """The table has the template's parameters, with their defaults and its own words."""
    parameters = _parameters()
    assert len(parameters) > 20
    table = "".join(f"| {' | '.join(row)} |\n" for row in parameters)
    assert _section("parameters") == parameters, f"the table should be:\n{table}"


def test_every_variable_is_documented() -> None:
    """Each variable that the functions read has a row; the template sets nothing else."""
    rows = set(re.findall(r"^\| `(SCRUBJAY_\w+)` \|", _TEXT, re.MULTILINE))
    fields = {f"SCRUBJAY_{name.upper()}" for name in FunctionSettings.__struct_fields__}
    limits = {f"SCRUBJAY_{name.upper()}" for name in Limits.__struct_fields__}
    assert rows - {"SCRUBJAY_MAX_DURATION"} == fields
    assert set(re.findall(r"SCRUBJAY_\w+", _TEMPLATE)) <= fields | limits


def test_names_are_the_code_s() -> None:
    """Events and objects have the names that the code gives them."""
    for name in (SOURCE, SLICE, FINISH, READY, ANNOUNCED, ORIGIN, PROBLEM, SENT, FAILURES):
        assert name in _TEXT


@pytest.mark.parametrize("row", _section("costs"), ids=lambda row: row[0])
def test_costs_add_up(row: list[str]) -> None:
    """The cost of a film follows from the prices and the formula that the page shows."""
    slices, seconds, gets, puts = int(row[1]), float(row[2]), int(row[3]), int(row[4])
    compute = slices * (seconds * _GB * _GB_SECOND + _REQUEST + _EVENT)
    objects = slices * (gets * _GET + puts * _PUT)
    for shown, due in zip(row[5:], (compute, objects, compute + objects), strict=True):
        assert isclose(float(shown.strip("$")), due, abs_tol=0.00006), due


def test_requests_are_those_of_the_recipes() -> None:
    """The table has a GET and a PUT for the record of each output, and a PUT for each artifact."""
    classic = Recipe()
    for recipe, first, last in (
        (classic, 0, 2),
        (replace(classic, frames=()), 2, 3),
        (PRESETS["trickplay"], 3, 4),
    ):
        counts = counts_of(Fraction(3600), recipe)
        records = len(recipe.outputs)
        puts = ceil(sum(each.artifacts for each in counts.outputs) / counts.slices) + records
        for row in _section("costs")[first:last]:
            assert [int(row[1]), int(row[3]), int(row[4])] == [
                counts.slices,
                _GETS + records,
                puts,
            ]
