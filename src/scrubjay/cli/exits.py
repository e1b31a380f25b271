"""Exit codes: how a shell script finds out how a command ended."""

from collections.abc import Iterable
from enum import IntEnum

from scrubjay.errors import (
    EngineError,
    IncompleteError,
    LimitError,
    LostSlicesError,
    PlaceError,
    PriceError,
    RecipeError,
    RenderError,
    ScenarioError,
    ScrubjayError,
    SourceError,
    StoreError,
    UnfinishedError,
    error_classes,
)

__all__ = ["ExitCode", "code_of", "exit_code", "worst_code"]


class ExitCode(IntEnum):
    """How a command ended."""

    OK = 0
    """Done."""
    BUG = 1
    """An unexpected error: please report it."""
    USAGE = 2
    """An option, a setting, a recipe, a scenario or a file of prices is wrong."""
    SOURCE = 3
    """The video is missing, has no video stream, or gives no picture."""
    DESTINATION = 4
    """The destination is full or cannot be written."""
    INCOMPLETE = 5
    """The set is published, but has gaps."""
    WORK = 6
    """No slice could be made: rendering or the worker processes failed."""
    LIMIT = 7
    """The video is over a limit; the message names the option that raises it."""
    OUTPUT = 8
    """Standard output cannot be written; run the same command to continue."""
    UNSOUND = 9
    """`verify` found a set that does not hold."""
    UNFINISHED = 10
    """`publish` found slices missing, and published nothing; run their shards again."""
    HUNG_UP = 129
    """Stopped because the terminal was closed; run the same command to continue."""
    INTERRUPTED = 130
    """Stopped by Ctrl-C; run the same command to continue."""
    PIPE = 141
    """The reader of the output has gone; run the same command to continue."""
    TERMINATED = 143
    """Stopped by SIGTERM; run the same command to continue."""


_CODES: dict[type[ScrubjayError], ExitCode] = {
    RecipeError: ExitCode.USAGE,
    LimitError: ExitCode.LIMIT,
    PlaceError: ExitCode.USAGE,
    PriceError: ExitCode.USAGE,
    ScenarioError: ExitCode.USAGE,
    SourceError: ExitCode.SOURCE,
    StoreError: ExitCode.DESTINATION,
    IncompleteError: ExitCode.INCOMPLETE,
    RenderError: ExitCode.WORK,
    LostSlicesError: ExitCode.WORK,
    UnfinishedError: ExitCode.UNFINISHED,
    EngineError: ExitCode.WORK,
}


def exit_code(error: type[ScrubjayError]) -> ExitCode:
    """Return the code for a class of error: its own, or that of its nearest parent."""
    return next((_CODES[each] for each in error.__mro__ if each in _CODES), ExitCode.BUG)


def code_of(error: ScrubjayError) -> ExitCode:
    """Return the code for an error: that of its class, or of the worst of several causes."""
    if isinstance(error, LostSlicesError):
        return worst_code(type(each).__name__ for each in error.causes)
    return exit_code(type(error))


_WORST_FIRST = (
    ExitCode.BUG,
    ExitCode.DESTINATION,
    ExitCode.WORK,
    ExitCode.LIMIT,
    ExitCode.SOURCE,
    ExitCode.USAGE,
    ExitCode.INCOMPLETE,
)


def worst_code(errors: Iterable[str]) -> ExitCode:
    """Return the code for several videos or slices: that of the worst error, by errors' names."""
    classes = {each.__name__: each for each in error_classes()}
    codes = {exit_code(classes[name]) if name in classes else ExitCode.BUG for name in errors}
    return next((code for code in _WORST_FIRST if code in codes), ExitCode.OK)
