"""Which paths `--include` and `--exclude` want."""

import pytest

from scrubjay.errors import RecipeError
from scrubjay.library.patterns import Selection


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("*.mkv", "a.mkv", True),
        ("*.mkv", "Season 1/deep/a.MKV", True),
        ("*.mkv", "a.mp4", False),
        ("Extras", "Show/Extras/a.mkv", True),
        ("Extras/", "Show/extras/deep/a.mkv", True),
        ("Extras", "Show/Extras 2/a.mkv", False),
        ("/Extras", "Show/Extras/a.mkv", False),
        ("/Extras", "Extras/a.mkv", True),
        ("Show/*.mkv", "Show/a.mkv", True),
        ("Show/*.mkv", "Show/Season 1/a.mkv", False),
        ("Show/**/*.mkv", "Show/a.mkv", True),
        ("Show/**/*.mkv", "Show/Season 1/x/a.mkv", True),
        ("**/Season ?/*", "Show/Season 1/a.mkv", True),
        ("**/Season ?/*", "Show/Season 11/a.mkv", False),
        ("Show/**", "Show/a", True),
        ("Show/**", "Shows/a", False),
        ("**", "a", True),
        ("[ab]*.mkv", "b1.mkv", True),
        ("[!ab]*.mkv", "b1.mkv", False),
        ("a.mkv", "a+mkv", False),
        ("Caf\u00e9", "Cafe\u0301/a.mkv", True),
    ],
)
def test_patterns(pattern: str, path: str, *, matches: bool) -> None:
    """A pattern matches names, whole paths and folders, whatever their case."""
    assert Selection(include=[pattern]).takes(path) is matches
    assert Selection(exclude=[pattern]).takes(path) is not matches


def test_exclude_wins() -> None:
    """What an exclude matches is not wanted, even if an include matches it too."""
    chosen = Selection(include=["*.mkv", "*.mp4"], exclude=["sample*"])
    assert chosen.takes("a/film.mp4")
    assert not chosen.takes("a/Sample.mkv")
    assert not chosen.takes("a/film.avi")
    assert chosen.excludes("a/samples")
    assert not chosen.excludes("a")


def test_without_patterns_all_is_wanted() -> None:
    """Every path is wanted if there is no pattern."""
    assert Selection().takes("a/b")
    assert not Selection().excludes("a/b")


@pytest.mark.parametrize("text", ["", "/", "//"])
def test_an_empty_pattern_is_refused(text: str) -> None:
    """A pattern without a name is a mistake."""
    with pytest.raises(RecipeError, match="--exclude"):
        Selection(exclude=[text])


def test_hostile_patterns_end() -> None:
    """Many stars do not take exponential time."""
    chosen = Selection(include=["/".join(["**", "*a*a*a*a*b"] * 12)])
    assert not chosen.takes("/".join(["a" * 60] * 40))
