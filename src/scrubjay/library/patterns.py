"""Which paths of a library a person wants: `--include` and `--exclude`.

The stdlib of Python 3.11 has no glob with `**` for text (`PurePath.full_match` came with 3.13), so
a pattern is cut at `/` and `fnmatch` matches the names between.
"""

import re
import unicodedata
from collections.abc import Iterable
from fnmatch import translate

from scrubjay.errors import RecipeError

__all__ = ["Selection"]

_ANY_FOLDERS = "**"


class Selection:
    """Which paths are wanted: those that an include matches and no exclude does.

    `*`, `?` and `[...]` match within a name, `**` any number of folders. A pattern without `/`
    matches a name in any folder; one with `/` begins at the root of the library. A pattern that
    matches a folder matches all that is in it. Upper and lower case are the same.

    Args:
        include: patterns; if there is none, every path is included.
        exclude: patterns, which win.

    Raises:
        RecipeError: a pattern is empty.
    """

    def __init__(self, include: Iterable[str] = (), exclude: Iterable[str] = ()) -> None:
        self._include = [_Pattern("--include", each) for each in include]
        self._exclude = [_Pattern("--exclude", each) for each in exclude]

    def excludes(self, path: str) -> bool:
        """Whether a file or folder, and all that is in it, is excluded."""
        names = _names(path)
        return any(each.matches(names) for each in self._exclude)

    def takes(self, path: str) -> bool:
        """Whether a file is wanted.

        Args:
            path: relative to the root of the library, with `/`.
        """
        if not (self._include or self._exclude):
            return True
        names = _names(path)
        if any(each.matches(names) for each in self._exclude):
            return False
        return not self._include or any(each.matches(names) for each in self._include)


class _Pattern:
    def __init__(self, option: str, text: str) -> None:
        names = _names(text.strip("/"))
        if names == [""]:
            raise RecipeError(f"{option} {text!r}: the pattern is empty")
        if "/" not in text.rstrip("/"):
            names.insert(0, _ANY_FOLDERS)
        self._steps = [
            None if name == _ANY_FOLDERS else re.compile(translate(name)) for name in names
        ]

    def matches(self, names: list[str]) -> bool:
        """Whether it matches a path, or a folder that the path is in."""
        places = self._past_any({0})
        for name in names:
            reached: set[int] = set()
            for place in places - {len(self._steps)}:
                step = self._steps[place]
                if step is None:
                    reached.add(place)
                elif step.match(name):
                    reached.add(place + 1)
            places = self._past_any(reached)
            if len(self._steps) in places:
                return True
        return False

    def _past_any(self, places: set[int]) -> set[int]:
        """Add the places after each `**`, which may match no folder at all."""
        found = set(places)
        for place in places:
            after = place
            while after < len(self._steps) and self._steps[after] is None:
                after += 1
                found.add(after)
        return found


def _names(path: str) -> list[str]:
    return unicodedata.normalize("NFC", path).casefold().split("/")
