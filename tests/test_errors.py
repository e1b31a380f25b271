import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from scrubjay import errors
from scrubjay.cli.exits import ExitCode, exit_code
from scrubjay.engines.wire import Problem
from scrubjay.errors import EngineError, IncompleteError, ScrubjayError, error_class, error_classes
from scrubjay.model import decode, encode

CLASSES = sorted(set(error_classes()), key=lambda each: each.__name__)
PLAIN = [each for each in CLASSES if each is not IncompleteError]


def _tree(base: type[ScrubjayError], margin: str = "", branch: str = "") -> Iterator[str]:
    """Draw a class and what is below it, a line each, as `tree` draws folders."""
    yield f"{margin}{branch}{base.__name__}"
    margin += {"": "", "├── ": "│   ", "└── ": "    "}[branch]
    children = base.__subclasses__()
    for child in children:
        yield from _tree(child, margin, "└── " if child is children[-1] else "├── ")


def test_the_module_draws_the_tree() -> None:
    """The drawing in `errors` has each class once, below its parent, and says what it means."""
    block = (errors.__doc__ or "").split("::\n\n")[1].split("\n\n")[0]
    drawn = [re.fullmatch(r"    ([│├└─ ]*\w+) +\S.*", line) for line in block.splitlines()]
    assert [line and line[1] for line in drawn] == list(_tree(ScrubjayError))


def test_the_python_page_draws_the_tree() -> None:
    """The drawing in docs/python.md has each class once, below its parent."""
    page = (Path(__file__).parents[1] / "docs" / "python.md").read_text(encoding="utf-8")
    [block] = re.findall(r"^```text\n(ScrubjayError\n.*?)^```$", page, re.DOTALL | re.MULTILINE)
    assert block.splitlines() == list(_tree(ScrubjayError))


@pytest.mark.parametrize("error", CLASSES)
def test_every_error_is_named_and_public(error: type[ScrubjayError]) -> None:
    """Every class ends in Error, says what it is, lives in `errors`, and is exported."""
    assert error.__name__.endswith("Error")
    assert error.__doc__
    assert error.__module__ == errors.__name__
    assert error.__name__ in errors.__all__


@pytest.mark.parametrize("error", CLASSES)
def test_every_error_has_an_exit_code(error: type[ScrubjayError]) -> None:
    """No class of error is reported as a bug or a success; only the base itself is unknown."""
    known = error is not ScrubjayError
    assert (exit_code(error) not in {ExitCode.OK, ExitCode.BUG}) == known


@pytest.mark.parametrize("error", PLAIN)
def test_every_error_survives_the_wire(error: type[ScrubjayError]) -> None:
    """An error that crosses from a worker to the run is of the same class and text."""
    sent = Problem.of(error("slice 3: what “happened”"))
    arrived = decode(encode(sent), Problem)
    assert type(arrived.to_error()) is error
    assert str(arrived.to_error()) == "slice 3: what “happened”"


def test_unknown_errors_arrive_as_engine_errors() -> None:
    """A class name from a worker that is not one of ours becomes an `EngineError`."""
    assert error_class("KeyboardInterrupt") is EngineError
    assert error_class("NoSuchError") is EngineError


def test_a_worker_cannot_break_the_run_with_a_name() -> None:
    """Even the class that needs more than a text comes off the wire as an error."""
    assert isinstance(Problem(error="IncompleteError", message="x").to_error(), ScrubjayError)


def test_only_what_may_pass_is_retryable() -> None:
    """Failures of the engine or the store are retried; a full disk or a bad video is not."""
    assert {each.__name__ for each in CLASSES if each.retryable} == {
        "StoreError",
        "DatabaseError",
        "EngineError",
        "WorkerCrashedError",
        "WorkerStalledError",
        "WorkerMemoryError",
        "SourceUnavailableError",
        "StoppedError",
        "OutOfTimeError",
        "TransportError",
    }


def test_an_incomplete_set_says_what_is_missing() -> None:
    """The error of a partial set counts its gaps and repeats the first cause."""
    causes = [errors.RenderError("slice 1: one"), errors.RenderError("slice 2: two")]
    manifest = object()
    error = IncompleteError(manifest, causes)
    assert error.manifest is manifest
    assert error.causes == tuple(causes)
    assert "2 slices" in str(error)
    assert "slice 1: one" in str(error)
    assert "slice 2: two" in str(IncompleteError(manifest, causes[1:]))
