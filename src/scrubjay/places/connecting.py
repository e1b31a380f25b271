"""Connections with a deadline, to allowed addresses only.

A socket's own timeout limits each wait, not a whole answer: a server that sends a byte now and then
would never end. And a name, or a redirect, may lead to the private network of this machine.
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
"""How long a server may be silent."""

_NAT64 = IPv6Network("64:ff9b::/96")


class PrivateAddressError(OSError):
    """A name resolves to an address outside the public internet."""


class Route(NamedTuple):
    """Limits on how a request reaches its server."""

    deadline: float
    """When its answer must be complete, by the monotonic clock."""
    public_only: bool
    """Whether only addresses of the public internet may be connected to."""
    redirects_public_only: bool
    """The same, for redirects."""


class Request(urllib.request.Request):
    """A request with its limits."""

    route: Route


class _WithDeadline(socket.socket):
    """A socket whose reads all end by a deadline."""

    deadline: float = inf

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:  # noqa: ANN401
        """Read, waiting at most until the server counts as silent or the deadline passes."""
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
    """Connect to a server, as a replacement for `socket.create_connection`."""
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
    """Resolve a name, and leave out the addresses that are not allowed.

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
    """Return an address of the public internet that a name resolves to.

    Raises:
        PrivateAddressError: it resolves to none.
        OSError: it cannot be resolved.
    """
    route = Route(deadline, public_only=True, redirects_public_only=True)
    return str(_addresses(host, port, route=route)[0][4][0])


def is_public(text: str) -> bool:
    """Whether an IP address belongs to the public internet, or embeds one that does."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address.sixtofour or _translated(address) or address
    return address.is_global and not address.is_multicast


def _translated(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address in a NAT64 address (RFC 6052); None if it is not one."""
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
    """Sends HTTP requests with a deadline."""

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        """Send a request."""
        return self.do_open(_Http, req, route=_route_of(req))  # type: ignore[arg-type]


class HttpsHandler(urllib.request.HTTPSHandler):
    """Sends HTTPS requests with a deadline.

    Args:
        context: with the certificates to trust.
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
    """Return a request's limits; a proxy has to check addresses itself."""
    assert isinstance(request, Request)  # noqa: S101  this opener is sent no others
    if request.has_proxy() or getattr(request, "_tunnel_host", None):
        return request.route._replace(public_only=False)
    return request.route
