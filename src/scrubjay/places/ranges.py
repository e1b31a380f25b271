"""Range requests over HTTP: a few bytes of a video, and its server's headers.

Importing this takes longer than the rest of the standard library that a run of a local video
needs, so it is only imported when a video is on a server.
"""

import base64
import http.client
import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import Message
from functools import cache
from time import monotonic
from typing import IO, NamedTuple, TypeVar
from urllib.parse import unquote, urlsplit

import certifi

from scrubjay.errors import (
    SourceChangedError,
    SourceError,
    SourceForbiddenError,
    SourceNotFoundError,
    SourceUnavailableError,
    SourceUnreadableError,
)
from scrubjay.places.connecting import (
    SILENCE_SECONDS,
    HttpHandler,
    HttpsHandler,
    PrivateAddressError,
    Request,
    Route,
    public_address,
)
from scrubjay.places.place import Place

__all__ = [
    "Answer",
    "Opened",
    "ca_file",
    "changed_error",
    "etag_header",
    "fetch",
    "opened",
    "proxy_to",
    "reached",
    "reading_error",
]

T = TypeVar("T")

_WAITS = (0.2, 1.0, 3.0)
"""Seconds to wait before retries of a request that may succeed later."""

_REQUEST_SECONDS = 30
_SLOWEST_BYTES = 64 << 10
"""A request may take `_REQUEST_SECONDS`, and a second more for each `_SLOWEST_BYTES`."""

_ANY_LENGTH = 1 << 36

_ETAG = re.compile(r'"[\x21\x23-\x7e]+"')
"""A strong version in a header; FFmpeg would change characters other than ASCII."""

_TOTAL = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_PARTIAL = 206
_MAY_PASS = {408, 425, 429, *range(500, 600)}


class Answer(NamedTuple):
    """Some bytes of a video, and its server's headers."""

    data: bytes
    size: int
    """Of the whole video, in bytes."""
    etag: str
    redirected: str = ""
    """The URL that answered, if there was a redirect."""


def etag_header(etag: str) -> str:
    """Return the value of `If-Match` for a version; empty if servers do not compare it.

    Events of object stores omit the quotes. Weak versions never match (RFC 9110, 13.1.1).
    """
    quoted = etag if etag.startswith('"') else f'"{etag}"'
    return quoted if etag and _ETAG.fullmatch(quoted) else ""


@cache
def ca_file() -> str:
    """Return the file of trusted certificates: the system's, or else certifi's.

    The variable `SSL_CERT_FILE` can name another one, as for every program that uses OpenSSL.
    """
    return ssl.get_default_verify_paths().cafile or certifi.where()


def proxy_to(url: str) -> str:
    """Return the proxy for a URL, as urllib finds it; empty if there is none."""
    parts = urlsplit(url)
    proxy = urllib.request.getproxies().get(parts.scheme, "")
    if not proxy or urllib.request.proxy_bypass(parts.netloc.rpartition("@")[2]):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to other web servers, but never away from encryption."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """Return the request to send instead."""
        allowed = {"https"} if req.type == "https" else {"http", "https"}
        if urlsplit(newurl).scheme not in allowed:
            raise urllib.error.HTTPError(req.full_url, code, "a redirect", headers, fp)
        plain = super().redirect_request(req, fp, code, msg, headers, newurl)
        fp.close()  # urllib would read the redirect's content, however long it is
        if plain is None or not isinstance(req, Request):
            return None
        request = Request(plain.full_url, headers=dict(plain.header_items()))
        request.route = req.route._replace(public_only=req.route.redirects_public_only)
        return request


@cache
def _opener() -> urllib.request.OpenerDirector:
    """Return an opener for HTTP and HTTPS only, through the system's proxies."""
    context = ssl.create_default_context(cafile=ca_file())
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        HttpHandler(),
        HttpsHandler(context),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirects(),
    ):
        opener.add_handler(handler)
    return opener


def fetch(
    place: Place,
    url: str,
    start: int,
    length: int,
    *,
    size: int | None = None,
    patient: bool = True,
) -> Answer:
    """Read a range of a video, with retries if the server may recover.

    Args:
        place: where the video is, for people; if it has an `etag`, only that version is read.
        url: where to read it.
        start: the first byte, 0-based.
        length: how many bytes; fewer are returned at the video's end.
        size: how many bytes the whole video has, if known.
        patient: whether to retry at all.

    Raises:
        SourceError: it cannot be read, or has changed.
    """
    request = _request(place, url, f"bytes={start}-{start + length - 1}")
    asked = request.full_url

    def read(response: http.client.HTTPResponse) -> Answer:
        with response:
            total, etag = _checked(place, response, start)
            rest = min(length, total.size - start)
            answer = Answer(response.read(min(length, total.end - start)), total.size, etag)
            if response.url != asked:
                answer = answer._replace(redirected=response.url)
        if size not in {None, answer.size}:
            raise changed_error(place)
        if len(answer.data) < rest:
            raise _unavailable(place, "its server broke the connection")
        return answer

    return _asked(place, request, length, read, patient=patient)


class Opened(NamedTuple):
    """The answer to a request for all of a video from some byte on, of which nothing is read."""

    response: http.client.HTTPResponse
    size: int
    """Of the whole video, in bytes."""
    etag: str


def opened(place: Place, url: str, start: int) -> Opened:
    """Request a video from some byte on, with retries if the server may recover.

    Args:
        place: where the video is, for people; if it has an `etag`, only that version is read.
        url: where to read it.
        start: the first byte, 0-based.

    Raises:
        SourceError: it cannot be read, or has changed.
    """

    def begin(response: http.client.HTTPResponse) -> Opened:
        try:
            total, etag = _checked(place, response, start)
        except SourceError:
            response.close()
            raise
        return Opened(response, total.size, etag)

    return _asked(place, _request(place, url, f"bytes={start}-"), _ANY_LENGTH, begin, patient=True)


def _asked(
    place: Place,
    request: Request,
    length: int,
    read: Callable[[http.client.HTTPResponse], T],
    *,
    patient: bool,
) -> T:
    """Send a request, again if the server may recover, and return what `read` gets of its answer.

    Args:
        place: where the video is, for people.
        request: what to send.
        length: how many bytes are expected, at most.
        read: reads an answer; raises a `SourceError` if it is not the one expected.
        patient: whether to retry at all.

    Raises:
        SourceError: the video cannot be read, or has changed.
    """
    for wait in (*(_WAITS if patient else ()), None):
        request.route = _route(place, length)
        try:
            return read(_opener().open(request, timeout=SILENCE_SECONDS))
        except SourceError as error:
            problem = error
        except urllib.error.HTTPError as error:
            problem = _refusal(place, error.code, error.headers)
            error.close()
        except (OSError, http.client.HTTPException, ValueError) as error:
            problem = reading_error(place, error)
        if wait is None or not problem.retryable:
            raise problem from None  # the other error may contain the signed URL
        time.sleep(wait)
    raise AssertionError  # the last wait is None


def reached(place: Place, url: str) -> tuple[str, str]:
    """Follow a URL's redirects, only over addresses of the public internet.

    Over HTTP, the name in the URL is replaced by the checked address, so a name that resolves to
    another machine a moment later has no effect. Over HTTPS the name stays: the server must have a
    certificate for it, which no machine in a private network has.

    Args:
        place: where the video is, for people.
        url: where to read it.

    Returns:
        The URL, and the value of `Host` that belongs to it; empty if that is in the URL.

    Raises:
        SourceError: it leads to a private network, or cannot be read.
    """
    final = fetch(place, url, 0, 1).redirected or url
    parts = urlsplit(final)
    if parts.scheme == "https" or proxy_to(final):
        return final, ""
    user, is_named, host = parts.netloc.rpartition("@")
    port = parts.port or http.client.HTTP_PORT
    try:
        address = public_address(parts.hostname or "", port, monotonic() + _REQUEST_SECONDS)
    except OSError as error:
        raise reading_error(place, error) from None
    shown = f"[{address}]" if ":" in address else address
    return parts._replace(netloc=f"{user}{is_named}{shown}:{port}").geturl(), host


def _route(place: Place, length: int) -> Route:
    """Return the limits of a request for some bytes.

    The user chose a bucket's server, but not where that server redirects to.
    """
    deadline = monotonic() + _REQUEST_SECONDS + length / _SLOWEST_BYTES
    is_cloud = place.scheme not in {"http", "https"} and not place.endpoint
    return Route(
        deadline,
        public_only=place.public_only and place.scheme in {"http", "https"},
        redirects_public_only=place.public_only or is_cloud,
    )


def _request(place: Place, url: str, span: str) -> Request:
    parts = urlsplit(url)
    user, is_named, host = parts.netloc.rpartition("@")
    request = Request(
        parts._replace(netloc=host).geturl(),
        headers={"Range": span, "User-Agent": "scrubjay", "Accept-Encoding": "identity"},
    )
    if etag_header(place.etag):
        request.add_header("If-Match", etag_header(place.etag))
    if is_named:
        token = base64.b64encode(unquote(user).encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {token}")
    return request


class _Total(NamedTuple):
    end: int
    """Up to which byte the answer reaches."""
    size: int


def _checked(place: Place, response: http.client.HTTPResponse, start: int) -> tuple[_Total, str]:
    """Check the headers of an answer, whose server may support neither ranges nor `If-Match`.

    Returns:
        Where the answer ends, and the video; and its version.
    """
    headers, status = response.headers, response.status
    total = _TOTAL.fullmatch(headers.get("Content-Range", ""))
    if status != _PARTIAL or total is None:
        raise SourceUnreadableError(
            f"{place.shown} cannot be read in parts: its server does not support range requests; "
            "download it first"
        )
    if int(total[1]) != start:
        raise SourceUnreadableError(
            f"{place.shown} cannot be read in parts: its server sends another range than requested"
            "; download it first"
        )
    etag = headers.get("ETag", "")
    etag = etag if _ETAG.fullmatch(etag) else ""
    if etag and etag_header(place.etag) not in {"", etag}:
        raise changed_error(place)
    return _Total(int(total[2]) + 1, int(total[3])), etag


def _refusal(place: Place, code: int, headers: Message) -> SourceError:
    """Return the error for a server's status."""
    region = headers.get("x-amz-bucket-region")
    if region and code in {301, 400}:
        return SourceUnreadableError(f"{place.shown} is in {region}: set AWS_REGION={region}")
    if code in _MAY_PASS:
        return _unavailable(place, f"its server answered {code}")
    error: type[SourceError]
    match code:
        case 401 | 403:
            error, what = (
                SourceForbiddenError,
                f"cannot be read: its server refuses access ({code})",
            )
        case 404 | 410:
            error, what = SourceNotFoundError, "does not exist"
        case 412:
            error, what = SourceChangedError, "has changed since it was probed"
        case 416:
            error, what = SourceUnreadableError, "is empty"
        case _:
            error, what = SourceUnreadableError, f"cannot be read: its server answered {code}"
    return error(f"{place.shown} {what}")


def reading_error(
    place: Place, error: OSError | http.client.HTTPException | ValueError
) -> SourceError:
    """Return the error for a failure below HTTP."""
    reason = getattr(error, "reason", error)
    if isinstance(reason, PrivateAddressError):
        return SourceUnreadableError(
            f"{place.shown} was not read: it, or its redirect, is an address of a private network; "
            "--private-addresses allows that"
        )
    if isinstance(reason, ssl.SSLCertVerificationError):
        return SourceUnreadableError(
            f"{place.shown} was not read: its server's certificate is not trusted "
            f"({reason.verify_message})"
        )
    if isinstance(error, ValueError | http.client.InvalidURL):
        return SourceUnreadableError(
            f"{place.shown} cannot be read: its address, or its redirect, is malformed"
        )
    text = getattr(reason, "strerror", None) or type(reason).__name__
    return _unavailable(place, f"its server cannot be reached ({text})")


def _unavailable(place: Place, why: str) -> SourceUnavailableError:
    return SourceUnavailableError(f"{place.shown} cannot be read now: {why}")


def changed_error(place: Place) -> SourceChangedError:
    """Return the error for a video of which another version was read before."""
    return SourceChangedError(f"{place.shown} has changed since it was probed")
