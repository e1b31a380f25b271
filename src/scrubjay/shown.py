"""Text as a person may see it: names of files can hold what a terminal obeys."""

import unicodedata

__all__ = ["printable"]

_COMMANDS = {"Cc", "Cs", "Zl", "Zp"}
"""Unicode's control characters, halves of characters, and ends of lines and paragraphs."""

_TURNS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that turn the direction of the text after them, so that a name seems another one."""


def printable(text: str) -> str:
    r"""Return a text with `\x1b` and the like in place of what a terminal would obey."""
    if text.isprintable():  # most are; it also says no to what is harmless
        return text
    return "".join(_escaped(each) if _is_command(each) else each for each in text)


def _is_command(character: str) -> bool:
    return character in _TURNS or unicodedata.category(character) in _COMMANDS


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
