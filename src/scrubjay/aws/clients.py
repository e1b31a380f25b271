"""Clients of AWS services: opened on first use, with time limits, and with our errors."""

from collections.abc import Generator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from scrubjay.errors import EngineError, StackError, TransportError
from scrubjay.places.place import redacted

__all__ = ["aws_errors", "client", "may_pass"]

_CONNECT_TIMEOUT, _READ_TIMEOUT = 5, 20
"""Seconds."""

_MOST_TRIES = 3
"""Attempts of botocore at one request."""

_THROTTLED = ("Throttl", "TooManyRequests", "RequestLimitExceeded", "ServiceUnavailable")
_SERVER_ERROR = 500

_one_at_a_time = Lock()
"""Clients may be shared between threads, but boto3 must not make two at once."""


def client(service: str, *, tries: int = _MOST_TRIES) -> Any:  # noqa: ANN401  boto3 makes its classes at run time
    """Return a client of an AWS service; threads may share it.

    Args:
        service: its name.
        tries: how often botocore sends a request that fails for a temporary reason.

    Raises:
        StackError: boto3 is not installed, or no region is set.
    """
    with _installed():
        import boto3  # noqa: PLC0415  an extra, and slow
        from botocore.config import Config  # noqa: PLC0415
    config = Config(
        connect_timeout=_CONNECT_TIMEOUT,
        read_timeout=_READ_TIMEOUT,
        retries={"mode": "standard", "total_max_attempts": tries},
        max_pool_connections=32,
    )
    with aws_errors(service), _one_at_a_time:
        return boto3.client(service, config=config)


@contextmanager
def _installed() -> Generator[None]:
    try:
        yield
    except ModuleNotFoundError as exc:
        raise StackError(
            "AWS needs the library boto3, which is not installed: pip install 'scrubjay[aws]'"
        ) from exc


@contextmanager
def aws_errors(what: str) -> Generator[None]:
    """Convert botocore's errors to ours.

    Args:
        what: the service or resource, for the error's text.

    Raises:
        TransportError: for a temporary reason: the network, throttling, a fault of the service.
        StackError: for a lasting reason: no credentials, no permission, no such resource.
    """
    with _installed():
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  slow
    try:
        yield
    except (BotoCoreError, ClientError) as exc:
        text = redacted(str(exc))
        kind: type[EngineError] = TransportError if may_pass(exc) else StackError
        raise kind(f"the request to {what} failed: {text}") from None


def may_pass(error: Exception) -> bool:
    """Whether the same request may succeed later."""
    from botocore import exceptions as its  # noqa: PLC0415  slow

    if isinstance(error, its.ClientError):
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return any(each in code for each in _THROTTLED) or status >= _SERVER_ERROR
    is_network = isinstance(error, its.HTTPClientError | its.ConnectionError)
    return is_network and not isinstance(error, its.SSLError)
