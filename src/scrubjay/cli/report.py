"""How a command ends: one sentence for a person, one event for a program, one exit code."""

import signal
import sys
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from scrubjay.cli.exits import ExitCode, exit_code
from scrubjay.errors import ScrubjayError
from scrubjay.events import Failed
from scrubjay.model import encode
from scrubjay.place import redacted

__all__ = ["end_event", "reported", "say"]


class _Terminated(BaseException):
    """SIGTERM arrived."""


def say(text: str) -> None:
    """Tell a person something, on standard error."""
    print(text, file=sys.stderr)  # noqa: T201  a door may print


@contextmanager
def reported(*, as_json: bool, resumable: bool = False) -> Generator[None]:
    """Turn whatever ends a command into a sentence, an event and an exit code.

    Args:
        as_json: also write a `failed` event to standard output.
        resumable: say that the same command goes on where it was stopped.
    """
    signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    except ScrubjayError as error:
        _end(exit_code(type(error)), type(error).__name__, str(error), as_json=as_json)
    except KeyboardInterrupt:
        _end(ExitCode.INTERRUPTED, "Interrupted", _stopped(resumable), as_json=as_json)
    except _Terminated:
        _end(ExitCode.TERMINATED, "Terminated", _stopped(resumable), as_json=as_json)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read the output has gone; there is nobody to tell
        raise SystemExit(ExitCode.PIPE if resumable else ExitCode.OK) from None
    except Exception as error:  # noqa: BLE001  a door: nothing may end without a word
        say(redacted(traceback.format_exc()).rstrip())
        text = f"this is a bug in Scrubjay, please report it: {redacted(str(error))}"
        _end(ExitCode.BUG, type(error).__name__, text, as_json=as_json)


def _terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise _Terminated


def _stopped(resumable: bool) -> str:  # noqa: FBT001  private, and it reads well
    return "stopped" + ("; run the same command again to go on from here" if resumable else "")


def end_event(error: str, message: str, code: ExitCode) -> None:
    """Write the event of a command that ends without a complete set, on standard output."""
    failed = Failed(error=error, message=message, exit_code=code)
    print(encode(failed).decode(), flush=True)  # noqa: T201  a door may print


def _end(code: ExitCode, error: str, message: str, *, as_json: bool) -> NoReturn:
    if as_json:
        end_event(error, message, code)
    say(f"scrubjay: {message}")
    raise SystemExit(code)
