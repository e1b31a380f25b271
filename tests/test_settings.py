"""Recipes from TOML files and from flags: one output of each kind is short, several are a list."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from msgspec.structs import replace

from scrubjay.errors import RecipeError
from scrubjay.model import PRESETS, Animation, Recipe, Sheet, Still
from scrubjay.registry import DOCUMENTS
from scrubjay.settings import load_recipe

Read = Callable[..., Recipe]

TWO_WIDTHS = """
[[frames]]
name = "large"

[[frames]]
name = "small"
width = 160
"""


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Read a recipe from TOML text, flags, and outputs that are added."""

    def read(toml: str = "", flags: dict[str, object] | None = None, *added: str) -> Recipe:
        path = tmp_path / "my.toml"
        path.write_text(toml)
        return load_recipe(flags or {}, str(path), added)

    return read


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_by_its_name(name: str) -> None:
    """A preset is a recipe by itself, and nothing is changed on the way."""
    assert load_recipe({}, name) == PRESETS[name]


def test_an_empty_file_is_classic(read: Read) -> None:
    """What a file does not write has its default."""
    assert read("") == Recipe() == PRESETS["classic"]


def test_a_section_changes_the_only_output(read: Read) -> None:
    """`[animations]` is short for a list of one, and keeps what it does not write."""
    recipe = read("[animations]\nwidth = 320\nfps = 12.5\n\n[frames]\nname = 'stills'\n")
    assert recipe.animations == (Animation(width=320, fps=Fraction(25, 2)),)
    assert recipe.frames == (Still(name="stills"),)
    assert recipe.sheets == (Sheet(),)


def test_a_section_of_a_preset(read: Read) -> None:
    """It changes the preset's own output, or adds one where the preset has none."""
    recipe = read("preset = 'trickplay'\n[sheets]\nwidth = 160\n[frames]\nwidth = 640\n")
    assert recipe.sheets == (Sheet(interval=Fraction(10), width=160, columns=10, rows=10),)
    assert recipe.frames == (replace(PRESETS["trickplay"].frames[0], width=640),)
    assert recipe.animations == ()
    assert recipe.slice_length == 1000


def test_several_outputs_are_a_list(read: Read) -> None:
    """`[[frames]]` lists all outputs of a kind: the preset's own is not among them."""
    recipe = read(TWO_WIDTHS + "[[sheets]]\nname = 'every-five'\ninterval = 5\n")
    assert recipe.frames == (Still(name="large"), Still(name="small", width=160))
    assert recipe.sheets == (Sheet(name="every-five", interval=Fraction(5)),)
    names = [output.name for output in recipe.outputs]
    assert names == ["animations", "large", "small", "every-five"]


def test_what_the_whole_video_has_once_is_left_alone(read: Read) -> None:
    """A section and a flag change what slices have; a poster and an overview stay."""
    web, poster = PRESETS["web"], PRESETS["web"].frames
    recipe = read("preset = 'web'\n[sheets]\nwidth = 160\n[frames]\ninterval = 2\n")
    assert recipe.sheets == (replace(web.sheets[0], width=160), web.sheets[1])
    assert recipe.frames == (*poster, Still(interval=Fraction(2)))
    flags: dict[str, object] = {"sheets.interval": 5, "frames": True, "frames.width": 64}
    recipe = read("preset = 'web'", flags)
    assert recipe.sheets == (replace(web.sheets[0], interval=Fraction(5)), web.sheets[1])
    assert recipe.frames == (*poster, Still(width=64))
    assert read("preset = 'web'", {"frames.width": 640}).frames == (replace(poster[0], width=640),)
    whole = read("preset = 'web'\n[frames]\nper = 'video'\nwidth = 640\n")
    assert whole.frames == (replace(poster[0], width=640),)


@pytest.mark.parametrize("kind", ["animations", "frames", "sheets"])
def test_no_output_of_a_kind(read: Read, kind: str) -> None:
    """An empty list is none; so is the flag `--no-KIND`."""
    for recipe in (read(f"{kind} = []"), read(TWO_WIDTHS, {kind: False})):
        assert getattr(recipe, kind) == ()
        assert all(output.kind != kind for output in recipe.outputs)


def test_documents_are_chosen(read: Read) -> None:
    """All of them, some, or none beside the manifest; a flag wins over the file."""
    assert read("documents = ['webvtt']").documents == ("webvtt",)
    assert read("documents = []").documents == ()
    assert read("documents = []", {"documents": tuple(DOCUMENTS)}).documents == tuple(DOCUMENTS)


def test_flags_change_the_only_output(read: Read) -> None:
    """A flag wins over the file, whose other fields stay."""
    recipe = read("[frames]\nname = 'stills'\nquality = 50", {"frames.width": 640})
    assert recipe.frames == (Still(name="stills", quality=50, width=640),)


def test_a_flag_brings_a_kind_back(read: Read) -> None:
    """`--frames` asks for the ordinary output where the recipe has none, and changes none else."""
    assert read("frames = []", {"frames": True}).frames == (Still(),)
    assert read("frames = []", {"frames": True, "frames.width": 64}).frames == (Still(width=64),)
    assert read(TWO_WIDTHS, {"frames": True}) == read(TWO_WIDTHS)


@pytest.mark.parametrize(
    ("toml", "words"),
    [(TWO_WIDTHS, "has 2 outputs of that kind"), ("frames = []", "has no outputs")],
)
def test_a_flag_needs_one_output(read: Read, toml: str, words: str) -> None:
    """Where a recipe has several outputs of a kind, or none, a flag says not which it means."""
    with pytest.raises(RecipeError, match=rf"frames\.width is set, but the recipe {words}"):
        read(toml, {"frames.width": 640})


def test_outputs_are_added(read: Read) -> None:
    """`--add-output` puts outputs of any kind behind those of the recipe."""
    recipe = read(
        "",
        {},
        "animations,name=small,width=160,fps=30000/1001",
        "frames,name=thumbs,width=0064,interval=2.5",
        "sheets,name=large,width=480,columns=4",
    )
    assert recipe.animations == (
        Animation(),
        Animation(name="small", width=160, fps=Fraction(30000, 1001)),
    )
    assert recipe.frames == (Still(), Still(name="thumbs", width=64, interval=Fraction(5, 2)))
    assert recipe.sheets == (Sheet(), Sheet(name="large", width=480, columns=4))


def test_a_flag_is_not_for_an_added_output(read: Read) -> None:
    """`--frame-width 640 --add-output frames,...` changes the recipe's own output."""
    recipe = read("", {"frames.width": 640}, "frames,name=small,width=160")
    assert recipe.frames == (Still(width=640), Still(name="small", width=160))
    alone = read("", {"frames": False}, "frames,name=small,width=160")
    assert alone.frames == (Still(name="small", width=160),)


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("[[frames]]\n[[frames]]", "2 outputs have the name 'frames'"),
        ("[[frames]]\nname = 'sheets'", "2 outputs have the name 'sheets'"),
        ("[[frames]]\nname = 'A b'", r"frames\.name: expected a name of up to 40 of the char"),
        ("background = 'red'", r"background: expected a colour such as #1a2b3c"),
        ("[[frames]]\nname = '../x'", r"frames\.name: "),
        ("[[frames]]\nname = ''", r"frames\.name: "),
        ("[[frames]]\nname = 7", r"frames\.name: expected text"),
        (f"[[frames]]\nname = '{'x' * 41}'", r"frames\.name: "),
        ("[[frames]]\nname = 'manifest\\n'", "my.toml"),
        ("[animations]\nformat = 'jpeg'", "format is 'jpeg'; animations can be gif"),
        ("[frames]\nformat = 'gif'", "format is 'gif'; stills can be jpeg"),
        ("[sheets]\nformat = 'png8'", "format is 'png8'; sheets can be jpeg"),
        (TWO_WIDTHS + "quality = 101", r"frames\[1\]\.quality: expected a whole number <= 100"),
        ("[frames]\nenabled = false", r"frames: object contains unknown field `enabled`"),
        ("frames = false", "frames: expected a list, got true or false"),
        ("frames = [3]", "frames: expected a section, got a whole number"),
        ("documents = ['webvt']", "unknown document 'webvt'; choose from .*webvtt"),
        ("documents = ['page', 'page']", "documents names a document twice"),
        ("documents = 'page'", "documents: expected a list, got text"),
        ("animations = []\nframes = []\nsheets = []", "the recipe has no outputs"),
        ("preset = 'clasic'", "unknown preset 'clasic'; choose from classic"),
        ("preset = 3", "unknown preset 3"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(read: Read, toml: str, words: str) -> None:
    """A wrong name, format, document or field is an error that says where it is."""
    with pytest.raises(RecipeError, match=words) as raised:
        read(toml)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("added", "words"),
    [
        ("", "--add-output '' is not valid; write a kind"),
        ("stills,name=small", r"is not valid; write a kind \(animations, frames, sheets\)"),
        ("frames,small", "'frames,small' is not valid"),
        ("frames,name=small,", "is not valid"),
        ("frames", "2 outputs have the name 'frames'; give each its own name"),
        ("frames,name=small,widht=160", r"frames\[1\]: object contains unknown field `widht`"),
        ("frames,name=small,width=wide", r"frames\[1\]\.width: expected a whole number, got text"),
        ("frames,name=small,width=-1", r"frames\[1\]\.width: expected a whole number >= 0"),
        ("frames,name=small,width=²", r"frames\[1\]\.width: expected a whole number, got text"),
        ("frames,name=small,interval=soon", r"frames\[1\]\.interval: expected a number"),
        ("frames,name=small,format=gif", "format is 'gif'; stills can be jpeg"),
    ],
)
def test_what_is_wrong_in_an_added_output_is_named(read: Read, added: str, words: str) -> None:
    """A mistake in `--add-output` is an error that says what to write."""
    with pytest.raises(RecipeError, match=words):
        read("", {}, added)


@pytest.mark.parametrize("toml", ["frames = 3", "frames = [3]"])
def test_flags_on_a_file_that_is_wrong(read: Read, toml: str) -> None:
    """Whatever flags there are, the error is about what the file says."""
    flags: list[dict[str, object]] = [{"frames.width": 160}, {"frames": True}]
    for added in ([], ["frames,name=small"]):
        for flag in flags:
            with pytest.raises(RecipeError, match=r"my\.toml: frames.*got a whole number"):
                read(toml, flag, *added)
