"""Buckets as `obstore` opens them: with which credentials, where, and how patiently.

Credentials come from where each cloud's own tools look for them, and are never part of a `Place`:
a worker process finds them as its parent did.
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
"""Seconds of a whole request. There is none between two bytes: it would also run while we are
sending."""

_FOUND_BY_OBSTORE = (
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_SKIP_SIGNATURE",
)
"""Variables that tell obstore itself where Amazon's credentials are."""

_MOST_CHARACTERS = 300

_PREFIX = re.compile(r"\AGeneric \w+ error: ")
"""What stands before an error that obstore has no class for."""

_BODY = re.compile(r"(?<=status code: )(\d{3}\b[^:<{\n]*).*|[<{\n].*", re.DOTALL)
"""What follows a status: a server's answer as it came, whichever form it has. S3's answer to an
expired session repeats the session's token."""

_CODE = re.compile(r"<Code>([A-Za-z0-9_.]{1,64})</Code>")


def open_bucket(place: Place, *, prefix: str | None = None, timeout: int = _TIMEOUT) -> Bucket:
    """Open the bucket that a place lies in; this sends nothing.

    Args:
        place: `s3://`, `gs://` or `az://`.
        prefix: what every key begins with.
        timeout: seconds that a request may take.

    Raises:
        obstore.exceptions.BaseError: a setting in the environment makes no sense.
    """
    client: ClientConfig = {
        "connect_timeout": _CONNECT_TIMEOUT,
        "timeout": timedelta(seconds=timeout),
    }
    if place.endpoint.startswith("http://") or os.environ.get("AWS_ALLOW_HTTP") == "true":
        client["allow_http"] = True  # options given here win over obstore's own variables
    options: dict[str, Any] = {"client_options": client, "retry_config": _RETRIES, "prefix": prefix}
    match place.scheme:
        case "s3":
            if place.endpoint:  # the second one wins over a variable that names another server
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
    """Return what finds Amazon's credentials where only boto3 looks (profiles, SSO), if it can."""
    return None if find_spec("boto3") is None else _provider_of(os.environ.get("AWS_PROFILE", ""))


@cache
def _provider_of(_profile: str) -> "Callable[[], Any] | None":
    from obstore.auth.boto3 import Boto3CredentialProvider  # noqa: PLC0415  an extra, and slow

    try:
        return Boto3CredentialProvider()
    except ValueError:  # it finds none; perhaps obstore does
        return None


def first_line(error: BaseException) -> str:
    """Return what an error of obstore says of a bucket, without what may be secret.

    Of the server's answer, which it holds whole, only its code is told.
    """
    code = refusal_code(error)
    text = _PREFIX.sub("", str(error))
    line = redacted(_BODY.sub(lambda found: (found[1] or "").rstrip(), text).rstrip())
    line = line if len(line) <= _MOST_CHARACTERS else line[:_MOST_CHARACTERS] + "..."
    return f"{line} ({code})" if code else line


def refusal_code(error: BaseException) -> str:
    """Return the code that a server gave as its reason, such as `ExpiredToken`; empty if none."""
    code = _CODE.search(str(error))
    return code[1] if code else ""
