"""Text that is safe to show: file names can contain control characters."""

import unicodedata

__all__ = ["printable"]

_COMMANDS = {"Cc", "Cs", "Zl", "Zp"}
"""Unicode categories: control characters, surrogates, and line and paragraph separators."""

_TURNS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that change the direction of the following text and so disguise a name."""


def printable(text: str) -> str:
    r"""Return a text with control characters escaped, such as `\x1b`."""
    if text.isprintable():  # most are; some harmless text is not
        return text
    return "".join(_escaped(each) if _is_command(each) else each for each in text)


def _is_command(character: str) -> bool:
    return character in _TURNS or unicodedata.category(character) in _COMMANDS


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
