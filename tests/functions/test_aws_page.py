"""docs/aws.md says of the deployed system what its template and its code say."""

import re
from math import isclose
from pathlib import Path

import pytest

from scrubjay.aws.events import FINISH, READY, SLICE, SOURCE
from scrubjay.keys import ANNOUNCED, FAILURES, ORIGIN, PROBLEM, SENT
from scrubjay.limits import Limits
from scrubjay.settings import FunctionSettings

_ROOT = Path(__file__).parents[2]
_PAGE = (_ROOT / "docs" / "aws.md").read_text()
_TEMPLATE = (_ROOT / "deploy" / "aws" / "template.yaml").read_text()

_GB = 1769 / 1024
_GB_SECOND, _REQUEST, _EVENT = 0.0000133334, 0.0000002, 0.000001
_GET, _PUT = 0.0000004, 0.000005
_GETS = 8


def _section(name: str) -> list[list[str]]:
    """Return the cells of a table between two comments, without its head."""
    text = re.search(rf"<!-- {name}\b.*?-->\n(.*?)<!-- /{name} -->", _PAGE, re.DOTALL)
    assert text, name
    rows = [line.strip("|").split(" | ") for line in text[1].splitlines()]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def _parameters() -> list[list[str]]:
    """Return name, default and description of each parameter of the template."""
    part = re.search(r"^Parameters:\n(.*?)^\S", _TEMPLATE, re.DOTALL | re.MULTILINE)
    assert part
    found = []
    for name, body in re.findall(r"^  (\w+):\n((?:    .*\n)+)", part[1], re.MULTILINE):
        fields = dict(re.findall(r"^    (\w+): (.*)$", body, re.MULTILINE))
        default = fields["Default"].strip('"')
        found.append([f"`{name}`", f"`{default}`" if default else "", fields["Description"]])
    return found


def test_every_parameter_is_in_the_table() -> None:
    """The table has the template's parameters, with their defaults and its own words."""
    wanted = _parameters()
    assert len(wanted) > 20
    table = "".join(f"| {' | '.join(row)} |\n" for row in wanted)
    assert _section("parameters") == wanted, f"the table should be:\n{table}"


def test_every_variable_is_documented() -> None:
    """Each variable that the functions read has a row; the template sets nothing else."""
    rows = set(re.findall(r"^\| `(SCRUBJAY_\w+)` \|", _PAGE, re.MULTILINE))
    fields = {f"SCRUBJAY_{name.upper()}" for name in FunctionSettings.__struct_fields__}
    limits = {f"SCRUBJAY_{name.upper()}" for name in Limits.__struct_fields__}
    assert rows - {"SCRUBJAY_MAX_DURATION"} == fields
    assert set(re.findall(r"SCRUBJAY_\w+", _TEMPLATE)) <= fields | limits


def test_names_are_the_code_s() -> None:
    """Events and objects have the names that the code gives them."""
    for name in (SOURCE, SLICE, FINISH, READY, ANNOUNCED, ORIGIN, PROBLEM, SENT, FAILURES):
        assert name in _PAGE


@pytest.mark.parametrize("row", _section("costs"), ids=lambda row: row[0])
def test_costs_add_up(row: list[str]) -> None:
    """The cost of a film follows from the prices and the formula that the page shows."""
    slices, seconds, puts = int(row[1]), float(row[2]), int(row[3])
    compute = slices * (seconds * _GB * _GB_SECOND + _REQUEST + _EVENT)
    objects = slices * (_GETS * _GET + puts * _PUT)
    for shown, wanted in zip(row[4:], (compute, objects, compute + objects), strict=True):
        assert isclose(float(shown.strip("$")), wanted, abs_tol=0.00006), wanted
