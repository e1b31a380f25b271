"""How FFmpeg reads a video over HTTP: protocols, certificates, timeouts and retries."""

from scrubjay.places.place import Place
from scrubjay.places.remote import signed

__all__ = ["ONE_PASS", "READ_TIMEOUT", "web_options", "web_request"]

READ_TIMEOUT = 40.0
"""Seconds that a packet may take, with all retries: less than the stall timeout."""

_PATIENCE = {
    "reconnect": "1",
    "reconnect_on_network_error": "1",
    "reconnect_on_http_error": "429,5xx",
    "reconnect_delay_max": "4",
    "reconnect_max_retries": "3",
    "rw_timeout": str(8_000_000),  # microseconds
}
_READING = {
    # data that has arrived when a request is cancelled is wasted, and a decoder is slower than most
    # networks: the system would buffer six megabytes
    "recv_buffer_size": str(96 << 10),
    "icy": "0",
    "use_mfra_for": "pts",  # the index at the end of a fragmented MP4, if it has one
}


ONE_PASS = {
    "short_seek_size": str(1 << 30),
    "multiple_requests": "1",
}
"""For a video without an index: read everything on one connection instead of seeking. With a
request for each seek, FFmpeg loses the first packet."""


def web_request(place: Place) -> tuple[str, dict[str, str]]:
    """Return the URL with which FFmpeg reads a video on a server, and its options for that.

    If only the public internet may be read, FFmpeg gets the final address of redirects, and follows
    none itself.

    Raises:
        SourceError: it cannot be signed, or leads to a private network.
    """
    url = signed(place)
    if not place.public_only or place.scheme not in {"http", "https"}:
        return url, web_options(place, url)
    from scrubjay.places.ranges import reached  # noqa: PLC0415  slow to load, and most videos are files

    url, host = reached(place, url)
    options = web_options(place, url) | {"max_redirects": "0"}
    if host:
        options["headers"] = options.get("headers", "") + f"Host: {host}\r\n"
    return url, options


def web_options(place: Place, url: str) -> dict[str, str]:
    """Return FFmpeg's options for a URL.

    A redirect may lead from HTTP to HTTPS, but not back, and not to another protocol: FFmpeg checks
    each one against the list. Redirects of a cloud's own servers are not followed.
    """
    from scrubjay.places.ranges import (  # noqa: PLC0415  slow to load, and most videos are files
        ca_file,
        etag_header,
        proxy_to,
    )

    is_encrypted = url.startswith("https:")
    options = {
        "protocol_whitelist": "https,tls,tcp,httpproxy" + ("" if is_encrypted else ",http"),
        "http_proxy": proxy_to(url),  # FFmpeg knows only $http_proxy, also for HTTPS
        "tls_verify": "1",
        "ca_file": ca_file(),
        **_PATIENCE,
        **_READING,
    }
    if place.scheme not in {"http", "https"} and not place.endpoint:
        options["max_redirects"] = "0"
    if etag_header(place.etag):
        options["headers"] = f"If-Match: {etag_header(place.etag)}\r\n"
    return options
