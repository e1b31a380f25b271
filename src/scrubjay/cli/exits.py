"""Exit codes: what a shell script learns about how a command ended."""

from enum import IntEnum

from scrubjay.errors import (
    EngineError,
    IncompleteError,
    LimitError,
    PlaceError,
    RecipeError,
    RenderError,
    ScrubjayError,
    SourceError,
    StoreError,
)

__all__ = ["ExitCode", "exit_code"]


class ExitCode(IntEnum):
    """How a command ended."""

    OK = 0
    """Done."""
    BUG = 1
    """An error that Scrubjay does not know: please report it."""
    USAGE = 2
    """An option, a setting or a recipe is wrong."""
    SOURCE = 3
    """The video is missing, is none, or gives no picture."""
    DESTINATION = 4
    """The destination is full or cannot be written."""
    INCOMPLETE = 5
    """The set is published, but has gaps."""
    WORK = 6
    """Nothing could be made: the work or its worker processes failed."""
    LIMIT = 7
    """The video would cost more than is allowed; the message names the option that allows it."""
    OUTPUT = 8
    """Standard output cannot be written; run the same command to go on."""
    HUNG_UP = 129
    """Stopped for its terminal went away; run the same command to go on."""
    INTERRUPTED = 130
    """Stopped by Ctrl-C; run the same command to go on."""
    PIPE = 141
    """Whoever read the output went away; run the same command to go on."""
    TERMINATED = 143
    """Stopped by SIGTERM; run the same command to go on."""


_CODES: dict[type[ScrubjayError], ExitCode] = {
    RecipeError: ExitCode.USAGE,
    LimitError: ExitCode.LIMIT,
    PlaceError: ExitCode.USAGE,
    SourceError: ExitCode.SOURCE,
    StoreError: ExitCode.DESTINATION,
    IncompleteError: ExitCode.INCOMPLETE,
    RenderError: ExitCode.WORK,
    EngineError: ExitCode.WORK,
}


def exit_code(error: type[ScrubjayError]) -> ExitCode:
    """Return the code for a class of error: its own, or that of its nearest parent."""
    return next((_CODES[each] for each in error.__mro__ if each in _CODES), ExitCode.BUG)
