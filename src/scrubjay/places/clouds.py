"""Opening buckets with `obstore`: credentials, endpoints, timeouts and retries.

Credentials come from where each cloud's own tools look for them, and are never part of a `Place`.
"""

import os
import re
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeAlias

from obstore.store import AzureStore, GCSStore, S3Store

from scrubjay.places.place import Place, redacted

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig

__all__ = ["Bucket", "boto3_credentials", "first_line", "open_bucket", "refusal_code"]

Bucket: TypeAlias = S3Store | GCSStore | AzureStore

_RETRIES: "RetryConfig" = {
    "max_retries": 6,
    "retry_timeout": timedelta(seconds=30),
    "backoff": {
        "init_backoff": timedelta(milliseconds=100),
        "max_backoff": timedelta(seconds=4),
        "base": 2,
    },
}
_CONNECT_TIMEOUT = timedelta(seconds=5)
_TIMEOUT = 120
"""Seconds for a whole request. There is no limit between two bytes, because it would also apply
while sending."""

_FOUND_BY_OBSTORE = (
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_SKIP_SIGNATURE",
)
"""Variables with which obstore itself finds Amazon's credentials."""

_MOST_CHARACTERS = 300

_PREFIX = re.compile(r"\AGeneric \w+ error: ")
"""How obstore's message begins for an error without its own class."""

_BODY = re.compile(r"(?<=status code: )(\d{3}\b[^:<{\n]*).*|[<{\n].*", re.DOTALL)
"""The server's answer after a status, in whatever form. S3's answer to an expired session contains
the session's token."""

_CODE = re.compile(r"<Code>([A-Za-z0-9_.]{1,64})</Code>")


def open_bucket(place: Place, *, prefix: str | None = None, timeout: int = _TIMEOUT) -> Bucket:
    """Open the bucket of a place; this sends nothing.

    Args:
        place: `s3://`, `gs://` or `az://`.
        prefix: what every key begins with.
        timeout: seconds that a request may take.

    Raises:
        obstore.exceptions.BaseError: a setting in the environment is invalid.
    """
    client: ClientConfig = {
        "connect_timeout": _CONNECT_TIMEOUT,
        "timeout": timedelta(seconds=timeout),
    }
    if place.endpoint.startswith("http://") or os.environ.get("AWS_ALLOW_HTTP") == "true":
        client["allow_http"] = True  # options here override obstore's own variables
    options: dict[str, Any] = {"client_options": client, "retry_config": _RETRIES, "prefix": prefix}
    match place.scheme:
        case "s3":
            if place.endpoint:  # the second overrides a variable that names another server
                options["config"] = {
                    "endpoint": place.endpoint,
                    "aws_endpoint_url_s3": place.endpoint,
                    "virtual_hosted_style_request": False,
                }
            if not any(os.environ.get(name) for name in _FOUND_BY_OBSTORE):
                options["credential_provider"] = boto3_credentials()
            return S3Store(place.bucket, **options)
        case "gs":
            return GCSStore(place.bucket, **options)
        case _:
            return AzureStore(place.bucket, **options)


def boto3_credentials() -> "Callable[[], Any] | None":
    """Return a function that finds Amazon's credentials as boto3 does (profiles, SSO), or None."""
    return None if find_spec("boto3") is None else _provider_of(os.environ.get("AWS_PROFILE", ""))


@cache
def _provider_of(_profile: str) -> "Callable[[], Any] | None":
    from obstore.auth.boto3 import Boto3CredentialProvider  # noqa: PLC0415  an extra, and slow

    try:
        return Boto3CredentialProvider()
    except ValueError:  # it finds none, but obstore may
        return None


def first_line(error: BaseException) -> str:
    """Return the first line of obstore's error message, without secrets.

    The message contains the server's whole answer, of which only the code is kept.
    """
    code = refusal_code(error)
    text = _PREFIX.sub("", str(error))
    line = redacted(_BODY.sub(lambda found: (found[1] or "").rstrip(), text).rstrip())
    line = line if len(line) <= _MOST_CHARACTERS else line[:_MOST_CHARACTERS] + "..."
    return f"{line} ({code})" if code else line


def refusal_code(error: BaseException) -> str:
    """Return the server's error code, such as `ExpiredToken`; empty if there is none."""
    code = _CODE.search(str(error))
    return code[1] if code else ""
