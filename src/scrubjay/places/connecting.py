"""Connections that keep a deadline, and lead only to addresses that are allowed.

A socket's own timeout bounds each wait, not a whole answer: a server that sends a byte now and then
would never end. And a name, or a redirect, may lead into the network that this machine stands in.
"""

import http.client
import socket
import ssl
import urllib.request
from functools import partial
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from math import inf
from time import monotonic
from typing import Any, NamedTuple

from scrubjay.waiting import within

__all__ = [
    "SILENCE_SECONDS",
    "HttpHandler",
    "HttpsHandler",
    "PrivateAddressError",
    "Request",
    "Route",
    "is_public",
    "public_address",
]

SILENCE_SECONDS = 8
"""How long a server may say nothing."""

_NAT64 = IPv6Network("64:ff9b::/96")


class PrivateAddressError(OSError):
    """A name leads to an address that is not one of the public internet."""


class Route(NamedTuple):
    """How a request may reach its server."""

    deadline: float
    """When its answer must have come, by the monotonic clock."""
    public_only: bool
    """Whether only addresses of the public internet may be connected to."""
    redirects_public_only: bool
    """The same, for where its server sends it."""


class Request(urllib.request.Request):
    """A request that knows how it may reach its server."""

    route: Route


class _WithDeadline(socket.socket):
    """A socket whose reads all end by one time."""

    deadline: float = inf

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:  # noqa: ANN401
        """Read, for as long as the server may be silent and the deadline lets it."""
        self.settimeout(min(SILENCE_SECONDS, _left(self.deadline)))
        return super().recv_into(buffer, nbytes or 0, flags)


class _TlsWithDeadline(_WithDeadline, ssl.SSLSocket):
    """The same, encrypted."""


def _left(deadline: float) -> float:
    left = deadline - monotonic()
    if left <= 0:
        raise TimeoutError("its answer took too long")
    return left


def _connected(route: Route, address: tuple[str, int], *_: object, **__: object) -> _WithDeadline:
    """Connect to a server, in place of `socket.create_connection`."""
    problem: OSError | None = None
    for family, kind, protocol, _, where in _addresses(*address, route=route):
        connection = _WithDeadline(family, kind, protocol)
        connection.deadline = route.deadline
        try:
            connection.settimeout(min(SILENCE_SECONDS, _left(route.deadline)))
            connection.connect(where)
        except OSError as error:
            connection.close()
            problem = error
        else:
            return connection
    raise problem or OSError("it has no address")


def _addresses(host: str, port: int, *, route: Route) -> list[Any]:
    """Look a name up, and leave out the addresses that are not allowed.

    Raises:
        PrivateAddressError: none is allowed.
    """
    look_up = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    found = within(_left(route.deadline), look_up)
    if not route.public_only:
        return found
    public = [each for each in found if is_public(str(each[4][0]))]
    if not public:
        raise PrivateAddressError(f"{host} is an address of a private network")
    return public


def public_address(host: str, port: int, deadline: float) -> str:
    """Return an address of the public internet that a name leads to.

    Raises:
        PrivateAddressError: it leads to none.
        OSError: it cannot be looked up.
    """
    route = Route(deadline, public_only=True, redirects_public_only=True)
    return str(_addresses(host, port, route=route)[0][4][0])


def is_public(text: str) -> bool:
    """Whether an IP address is one of the public internet; one inside another counts as itself."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address.sixtofour or _translated(address) or address
    return address.is_global and not address.is_multicast


def _translated(address: IPv6Address) -> IPv4Address | None:
    """Return the address that a NAT64 gateway sends to (RFC 6052), if it is one of those."""
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None


class _Http(http.client.HTTPConnection):
    def __init__(self, *args: Any, route: Route, **options: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **options)
        self._create_connection = partial(_connected, route)


class _Https(http.client.HTTPSConnection):
    def __init__(self, *args: Any, route: Route, **options: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **options)
        self._create_connection = partial(_connected, route)
        self._deadline = route.deadline

    def connect(self) -> None:
        super().connect()
        if isinstance(self.sock, _WithDeadline):
            self.sock.deadline = self._deadline


class HttpHandler(urllib.request.HTTPHandler):
    """Speaks HTTP within a request's deadline."""

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        """Send a request."""
        return self.do_open(_Http, req, route=_route_of(req))  # type: ignore[arg-type]


class HttpsHandler(urllib.request.HTTPSHandler):
    """Speaks HTTPS within a request's deadline.

    Args:
        context: whom to trust.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        context.sslsocket_class = _TlsWithDeadline
        super().__init__(context=context)
        self._trusting = context

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        """Send a request."""
        return self.do_open(
            _Https,  # type: ignore[arg-type]
            req,
            context=self._trusting,
            route=_route_of(req),
        )


def _route_of(request: urllib.request.Request) -> Route:
    """Return how a request may reach its server; who asks a proxy leaves that to the proxy."""
    assert isinstance(request, Request)  # noqa: S101  this opener is sent no others
    if request.has_proxy() or getattr(request, "_tunnel_host", None):
        return request.route._replace(public_only=False)
    return request.route
