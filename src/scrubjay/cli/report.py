"""How a command ends: one sentence for a person, one event for a program, one exit code."""

import os
import signal
import sys
import traceback
from collections.abc import Generator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

import click

from scrubjay.cli.exits import ExitCode, code_of
from scrubjay.errors import ScrubjayError
from scrubjay.events import Failed
from scrubjay.model import encode
from scrubjay.places.place import redacted

__all__ = ["end_event", "output_failed", "reported", "say", "show"]


class _StoppedError(BaseException):
    """A signal to stop arrived."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.name, self.code = _ENDS[signal.Signals(number)]


_ENDS = {
    signal.SIGTERM: ("Terminated", ExitCode.TERMINATED),
    signal.SIGHUP: ("HungUp", ExitCode.HUNG_UP),
}


class _OutputError(Exception):
    """Standard output cannot be written, for another reason than that its reader has gone."""


def say(text: str) -> None:
    """Print a text for people on standard error, if that is still open."""
    with suppress(OSError, ValueError):
        print(text, file=sys.stderr)  # noqa: T201  a door may print


def show(text: str | bytes, *, nl: bool = True) -> None:
    """Write a command's result to standard output.

    Raises:
        BrokenPipeError: the reader of standard output has gone.
    """
    try:
        click.echo(text, nl=nl)
    except BrokenPipeError:
        raise
    except OSError as exc:
        raise _OutputError(exc.strerror) from exc


def output_failed(reason: str | None) -> NoReturn:
    """Exit because standard output cannot be written."""
    with suppress(OSError):  # flushing its buffer at exit would fail again
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    say(f"scrubjay: standard output cannot be written: {reason or 'unknown reason'}")
    raise SystemExit(ExitCode.OUTPUT)


@contextmanager
def reported(*, as_json: bool, resumable: bool = False) -> Generator[None]:
    """Turn every error and signal that ends a command into a sentence, an event and an exit code.

    Args:
        as_json: also write a `failed` event to standard output.
        resumable: say that the same command continues where it was stopped.
    """
    signal.signal(signal.SIGTERM, _stop)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # `nohup` ignores it
        signal.signal(signal.SIGHUP, _stop)
    try:
        yield
    except ScrubjayError as error:
        _end(code_of(error), type(error).__name__, str(error), as_json=as_json)
    except KeyboardInterrupt:
        _end(ExitCode.INTERRUPTED, "Interrupted", _stopped(resumable), as_json=as_json)
    except _StoppedError as stop:
        _end(stop.code, stop.name, _stopped(resumable), as_json=as_json)
    except _OutputError as error:
        output_failed(str(error))
    except BrokenPipeError:
        sys.stderr.close()  # the reader of the output has gone, so nobody would read an error
        raise SystemExit(ExitCode.PIPE if resumable else ExitCode.OK) from None
    except Exception as error:  # noqa: BLE001  a door: every error is reported
        say(redacted(traceback.format_exc()).rstrip())
        text = f"this is a bug in Scrubjay, please report it: {redacted(str(error))}"
        _end(ExitCode.BUG, type(error).__name__, text, as_json=as_json)


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    raise _StoppedError(number)


def _stopped(resumable: bool) -> str:  # noqa: FBT001  private, and it reads well
    return "stopped" + ("; run the same command again to continue" if resumable else "")


def end_event(error: str, message: str, code: ExitCode) -> None:
    """Write the event of a command that ends without a complete set to standard output."""
    failed = Failed(error=error, message=message, exit_code=code)
    try:
        print(encode(failed).decode(), flush=True)  # noqa: T201  a door may print
    except BrokenPipeError:
        raise
    except OSError as exc:
        output_failed(exc.strerror)


def _end(code: ExitCode, error: str, message: str, *, as_json: bool) -> NoReturn:
    if as_json:
        end_event(error, message, code)
    say(f"scrubjay: {message}")
    raise SystemExit(code)
