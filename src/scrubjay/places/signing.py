"""Signed URLs: whoever has one can read one object, for a limited time."""

import hashlib
import hmac
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from scrubjay.errors import SourceUnreadableError
from scrubjay.places.clouds import boto3_credentials, first_line, open_bucket
from scrubjay.places.place import Place

__all__ = ["LIFETIME", "sign", "sign_s3"]

LIFETIME = timedelta(hours=1)
"""How long a signed URL is valid; after that, it is signed again."""


def sign(place: Place) -> str:
    """Return a URL to read the object at a place: `s3://`, `gs://` or `az://`.

    Raises:
        SourceUnreadableError: there are no credentials to sign it with.
    """
    try:
        bucket = open_bucket(place)
        if _is_plain(place.key):
            return obstore.sign(bucket, "GET", place.key, LIFETIME)
        if isinstance(bucket, S3Store):
            return sign_s3(bucket, place, datetime.now(UTC))
    except (BaseError, ValueError, OSError) as exc:
        raise SourceUnreadableError(
            f"{place.shown} cannot be read, because its URL cannot be signed: {first_line(exc)}"
        ) from None
    raise SourceUnreadableError(
        f"{place.shown} cannot be read: a part of its name is empty, `.` or `..`; rename it"
    )


def _is_plain(key: str) -> bool:
    """Whether obstore uses a key as it is: it refuses or changes some that Amazon allows."""
    return all(part not in {"", ".", ".."} for part in key.split("/"))


def sign_s3(bucket: S3Store, place: Place, now: datetime, *, method: str = "GET") -> str:
    """Sign the URL of any key, with AWS Signature Version 4 in the query.

    Server and region come from a URL that obstore signs for a plain key. Source:
    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
    """
    pattern = urlsplit(obstore.sign(bucket, "GET", "x", LIFETIME))
    region = parse_qs(pattern.query)["X-Amz-Credential"][0].split("/")[-3]
    found = _credentials()
    date = now.strftime("%Y%m%d")
    scope = f"{date}/{region}/s3/aws4_request"
    values = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{found['access_key_id']}/{scope}",
        "X-Amz-Date": now.strftime("%Y%m%dT%H%M%SZ"),
        "X-Amz-Expires": str(int(LIFETIME.total_seconds())),
        "X-Amz-SignedHeaders": "host",
    }
    if found.get("token"):
        values["X-Amz-Security-Token"] = found["token"]
    query = "&".join(f"{name}={quote(values[name], safe='')}" for name in sorted(values))
    path = pattern.path.removesuffix("x") + quote(place.key, safe="/~")
    request = f"{method}\n{path}\n{query}\nhost:{pattern.netloc}\n\nhost\nUNSIGNED-PAYLOAD"
    digest = hashlib.sha256(request.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{values['X-Amz-Date']}\n{scope}\n{digest}"
    key = f"AWS4{found['secret_access_key']}".encode()
    for step in (date, region, "s3", "aws4_request"):
        key = hmac.digest(key, step.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    return f"{pattern.scheme}://{pattern.netloc}{path}?{query}&X-Amz-Signature={signature}"


def _credentials() -> Mapping[str, Any]:
    """Return Amazon's credentials from the environment, or from where boto3 finds them."""
    if os.environ.get("AWS_ACCESS_KEY_ID") and os.environ.get("AWS_SECRET_ACCESS_KEY"):
        return {
            "access_key_id": os.environ["AWS_ACCESS_KEY_ID"],
            "secret_access_key": os.environ["AWS_SECRET_ACCESS_KEY"],
            "token": os.environ.get("AWS_SESSION_TOKEN"),
        }
    provider = boto3_credentials()
    if provider is None:
        raise ValueError("a name with empty parts or dots needs boto3: pip install 'scrubjay[aws]'")
    found: Mapping[str, Any] = provider()
    return found
