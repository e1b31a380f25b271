"""The documentation is true: its examples run, and it leaves nothing out."""

import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import jsonschema
import msgspec
import pytest

import scrubjay
from scrubjay import events
from scrubjay.cli.exits import ExitCode
from scrubjay.cli.main import cli
from scrubjay.errors import error_classes
from scrubjay.model import Manifest, decode
from scrubjay.registry import DOCUMENTS, FORMATS
from scrubjay.settings import Settings

_ROOT = Path(__file__).parents[1]
_DOCS = _ROOT / "docs"
_PAGES = [_ROOT / "README.md", _ROOT / "CHANGELOG.md", *sorted(_DOCS.rglob("*.md"))]
_SCRUBJAY = [sys.executable, "-c", "from scrubjay.cli.start import start; start()"]

# fmt: off
_FIELD = {
    "artifact", "animation", "cue", "document", "door", "engine", "event", "fingerprint", "frame",
    "gap", "GOP", "keyframe", "lead-in", "manifest", "origin", "output", "picture", "plan",
    "preset", "probe", "PTS", "recipe", "record", "sheet", "slice", "source", "still", "store",
    "storyboard", "thumbnail", "time base", "tolerance", "track", "trickplay", "worker",
}
# fmt: on
"""Words that the documentation uses in the field's sense."""

_ODD = re.compile(
    r"\b(?:shall|told|mend|nonsense|without news|(?<!there )is no (?:video|plan|set))\b"
)
"""Phrases that need a second reading."""


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _blocks(page: Path, language: str) -> list[str]:
    """Return the code of a page in one language, a text for each block."""
    return re.findall(rf"^```{language}\n(.*?)^```$", _text(page), re.DOTALL | re.MULTILINE)


def _commands(page: Path) -> list[str]:
    """Return the `scrubjay` lines of a page's shell blocks."""
    lines = "\n".join(_blocks(page, "sh")).splitlines()
    return [line for line in lines if line.startswith("scrubjay ")]


def _name(page: Path) -> str:
    return page.relative_to(_ROOT).as_posix()


def _all_text() -> str:
    return "\n".join(_text(page) for page in _PAGES)


@pytest.fixture
def at_movie(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with nothing in it but `movie.mp4`, and a library with a copy of it."""
    (tmp_path / "films").mkdir()
    for name in ("movie.mp4", "films/movie.mp4"):
        shutil.copy(clip, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", [page for page in _PAGES if _blocks(page, "python")], ids=_name)
@pytest.mark.usefixtures("at_movie")
def test_python_examples_run(page: Path) -> None:
    """The Python blocks of a page run, one after another, beside a movie."""
    names: dict[str, object] = {"__name__": "example"}
    for number, block in enumerate(_blocks(page, "python"), 1):
        code = compile(block, f"{_name(page)}, Python block {number}", "exec")
        exec(code, names)  # noqa: S102  our own documentation


@pytest.mark.parametrize("page", [page for page in _PAGES if _commands(page)], ids=_name)
def test_shell_examples_run(page: Path, at_movie: Path) -> None:
    """The `scrubjay` lines of a page run, with the TOML files that it shows."""
    for block in _blocks(page, "toml"):
        named = re.match(r"# (\w+\.toml)", block)
        assert named, f"a TOML block of {_name(page)} does not begin with its file's name"
        (at_movie / named[1]).write_text(block)
    for line in _commands(page):
        done = subprocess.run(
            [*_SCRUBJAY, *shlex.split(line)[1:]], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{line}\n{done.stderr}"


@pytest.mark.parametrize("page", _PAGES, ids=_name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of a page leads to a file, and its anchor to a heading."""
    for target in re.findall(r"\]\(([^)\s]+)\)", _text(page)):
        path, _, anchor = target.partition("#")
        if "://" in path:
            continue
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{_name(page)} links to {target}"
        if anchor:
            assert anchor in set(_anchors(file)), f"{_name(page)} links to {target}"


def _anchors(page: Path) -> Iterator[str]:
    """Yield the anchors that GitHub gives to a page's headings."""
    for heading in re.findall(r"^#+ (.+)$", _text(page), re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-")


def test_generated_pages_are_fresh() -> None:
    """What docs/generate.py would write is what is there."""
    done = subprocess.run(
        [sys.executable, _DOCS / "generate.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_stale_page_is_named(tmp_path: Path) -> None:
    """The check of a stale page fails and says which one it is."""
    docs = shutil.copytree(_DOCS, tmp_path / "docs")
    with (docs / "recipe.md").open("a") as page:
        page.write("More.\n")
    done = subprocess.run(
        [sys.executable, docs / "generate.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr.strip()) == (
        1,
        "docs/recipe.md is stale; run: python docs/generate.py",
    )


def test_every_verb_is_documented() -> None:
    """Every command of the command line has a section in its reference."""
    headings = set(re.findall(r"^## (.+)$", _text(_DOCS / "cli.md"), re.MULTILINE))
    assert {f"scrubjay {name}" for name in cli.commands} <= headings


def test_every_option_is_documented() -> None:
    """Every option of every command is in the reference."""
    text = _text(_DOCS / "cli.md")
    options = {
        option
        for command in cli.commands.values()
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
        if option.startswith("-")
    }
    assert [option for option in sorted(options) if option not in text] == []


def test_every_setting_is_documented() -> None:
    """Every setting is in the reference, with its environment variable."""
    text = _text(_DOCS / "cli.md")
    names = [f"SCRUBJAY_{field.name.upper()}" for field in msgspec.structs.fields(Settings)]
    assert [name for name in names if f"`{name}`" not in text] == []


def test_every_exit_code_is_documented() -> None:
    """Every exit code is in the reference, and in the README unless it is a bug."""
    rows = set(re.findall(r"^\| `(\d+)` \|", _text(_DOCS / "cli.md"), re.MULTILINE))
    assert rows == {str(code.value) for code in ExitCode}
    cells = re.findall(r"^\| ([\d, ]+) \|", _text(_ROOT / "README.md"), re.MULTILINE)
    short = {number for cell in cells for number in cell.split(", ")}
    assert short == {str(code.value) for code in ExitCode if code is not ExitCode.BUG}


def test_every_error_is_documented() -> None:
    """The reference has one row for each class of error, in the order of the tree."""
    rows = re.findall(r"^\| `(\w+Error)` \|", _text(_DOCS / "cli.md"), re.MULTILINE)
    assert rows == [each.__name__ for each in error_classes()]


def test_every_event_is_documented() -> None:
    """Every event has a section."""
    headings = re.findall(r"^## `(\w+)`$", _text(_DOCS / "events.md"), re.MULTILINE)
    kinds = get_args(events.Event)
    assert headings == [kind.__struct_config__.tag for kind in kinds]


def test_every_public_name_is_documented() -> None:
    """Every name of the package is in the documentation."""
    text = _all_text()
    names = [name for name in scrubjay.__all__ if not name.startswith("__")]
    assert [name for name in names if not re.search(rf"\b{name}\b", text)] == []


def test_every_format_and_document_is_documented() -> None:
    """Every name of a registry is in the reference of recipes, and every document's file."""
    text = _text(_DOCS / "recipe.md")
    formats = [name for each in FORMATS.values() for name in each]
    names = [*formats, *DOCUMENTS, *(file for kind in DOCUMENTS.values() for file in kind.files)]
    assert [name for name in names if f"`{name}`" not in text] == []


def test_every_page_can_be_found() -> None:
    """Every page is linked from the map."""
    linked = set(re.findall(r"\]\(([^)#]+\.md)", _text(_DOCS / "index.md")))
    pages = {page.relative_to(_DOCS).as_posix() for page in _DOCS.rglob("*.md")}
    assert pages - linked == {"index.md"}


def test_the_glossary_has_the_field_s_words() -> None:
    """The glossary is in order, has each word once, and has each word of the field."""
    rows = re.findall(r"^\| (.+?) \|", _text(_DOCS / "glossary.md"), re.MULTILINE)[1:]
    assert rows == sorted(set(rows), key=str.casefold)
    assert _FIELD - set(rows) == set()


@pytest.mark.parametrize("page", _PAGES, ids=_name)
def test_pages_are_in_plain_english(page: Path) -> None:
    """Pages avoid phrases that readers stumbled over: "is no video", "mend it", "is told"."""
    text = re.sub(r"```.*?```", "", _text(page), flags=re.DOTALL)
    assert _ODD.findall(" ".join(text.split())) == []


def test_decisions_are_dated() -> None:
    """Every decision has its number and its date."""
    for page in (_DOCS / "decisions").iterdir():
        assert re.match(rf"# {int(page.name[:4])}\. .+\n\n\d{{4}}-\d\d-\d\d\n", _text(page))


def _validator(name: str) -> jsonschema.Draft202012Validator:
    schema = json.loads(_text(_DOCS / "schema" / f"{name}.schema.json"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_excerpt_is_a_manifest() -> None:
    """The example of a manifest has the form that its page describes."""
    [excerpt] = _blocks(_DOCS / "manifest.md", "json")
    _validator("manifest").validate(json.loads(excerpt))
    assert decode(excerpt.encode(), Manifest).status == "complete"


def test_the_example_is_a_recipe() -> None:
    """The example of a recipe fits the recipe's schema; a misspelt field does not."""
    validator = _validator("recipe")
    examples = _blocks(_DOCS / "recipe.md", "toml")
    assert len(examples) > 1
    for block in examples:
        validator.validate(tomllib.loads(block))
    validator.validate({"slice_length": "30000/1001", "animations": {"fps": 12.5, "width": 320}})
    validator.validate({"preset": "trickplay", "frames": [], "documents": []})
    for wrong in (
        {"slice_lenght": 10},
        {"animations": {"fps": 51}},
        {"animations": [{"name": "A b"}]},
        {"frames": [{"format": "gif"}]},
        {"frames": False},
        {"documents": ["pdf"]},
        {"preset": "none"},
        {"slice_length": "soon"},
    ):
        assert not validator.is_valid(wrong), wrong


def test_what_is_written_fits_the_schemas(at_movie: Path) -> None:
    """Events, plan, records, manifest and usage of a real run fit their published schemas."""
    command = [*_SCRUBJAY, "make", "movie.mp4", "-o", "set", "--slice-length", "5", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert (lines[0]["event"], lines[-1]["event"]) == ("probed", "finished")
    made = {
        "events": lines,
        "plan": [_load(at_movie / "set/.scrubjay/plan.json")],
        "record": [_load(path) for path in (at_movie / "set/.scrubjay/slices").rglob("*.json")],
        "manifest": [_load(at_movie / "set/manifest.json")],
        "usage": [_load(at_movie / "set/.scrubjay/usage.json")],
    }
    for name, values in made.items():
        assert values
        for value in values:
            _validator(name).validate(value)


def _load(path: Path) -> Any:  # noqa: ANN401  JSON
    return json.loads(path.read_bytes())
