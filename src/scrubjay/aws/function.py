"""What the two functions share: their context, how they open videos, and how they fail."""

import os
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from typing import Protocol

from msgspec.structs import replace

from scrubjay.aws.log import log
from scrubjay.engines.processes import ProcessEngine
from scrubjay.errors import ScrubjayError, error_class
from scrubjay.limits import Limits
from scrubjay.places.place import redacted
from scrubjay.sandbox.confinement import Sandbox, conceal

__all__ = ["Context", "open_engine", "safe"]

_PROCESSOR_MB = 1769
"""Memory with which Lambda gives one whole processor."""

_OWN_MB = 256
"""Memory that the function itself may need, beside the process that opens the video."""

_LEAST_MB, _LEAST_SECONDS = 256, 5.0


class Context(Protocol):
    """What Lambda passes to a function about its invocation."""

    @property
    def aws_request_id(self) -> str:
        """Id of the invocation; the same for each retry of an asynchronous one."""
        ...

    @property
    def memory_limit_in_mb(self) -> str | int:
        """Memory that the function may use; its share of processors follows from it."""
        ...

    def get_remaining_time_in_millis(self) -> int:
        """Return how much time the function has left."""
        ...


def open_engine(
    context: Context, sandbox: Sandbox, limits: Limits, *, margin_ms: int = 0
) -> ProcessEngine:
    """Return the engine that opens videos for a function, in a process without its credentials.

    Args:
        context: of the invocation.
        sandbox: how that process is confined.
        limits: how much one video may cost; its memory is also limited by the function's.
        margin_ms: how long before the end of the function's time the process is killed.
    """
    if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
        conceal()  # Lambda has no Landlock: hide the role's credentials in /proc from the process
    memory_mb = int(context.memory_limit_in_mb)
    most_mb = min(limits.memory_limit, max(_LEAST_MB, memory_mb - _OWN_MB))
    left = (context.get_remaining_time_in_millis() - margin_ms) / 1000
    return ProcessEngine(
        workers=max(1, memory_mb // _PROCESSOR_MB),  # one slice then has as many threads
        attempts=1,
        limits=replace(limits, memory_limit=most_mb),
        time_left=max(_LEAST_SECONDS, left),
        sandbox=sandbox,
    )


@contextmanager
def safe(**about: object) -> Generator[None]:
    """Log an error that ends a function, and raise it without secrets.

    Lambda copies an exception's text into its log, its record of failures and the dead letter.

    Args:
        about: what the function is working on, for the line in the log.
    """
    failure: Exception
    try:
        yield
    except ScrubjayError as error:
        failure = error_class(type(error).__name__)(redacted(str(error)))
        log("ERROR", str(failure), error=type(error).__name__, **about)
    except Exception as error:  # noqa: BLE001  a door: every error is logged
        name = type(error).__name__
        failure = RuntimeError(redacted(f"{name}: {error}"))
        log("ERROR", str(failure), error=name, trace=traceback.format_exc(), **about)
    else:
        return
    raise failure from None
