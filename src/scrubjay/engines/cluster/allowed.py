"""Which places a worker may read and write, whatever an order says."""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from scrubjay.engines.queue.orders import Order
from scrubjay.errors import RefusedError
from scrubjay.places.place import Place

__all__ = ["AllowList"]

_WEB = ("http", "https")


class AllowList:
    """Prefixes of addresses. Without any, every place is allowed.

    Args:
        prefixes: folders, and addresses such as `s3://films/` or `https://cdn.example/films/`.

    Raises:
        PlaceError: a prefix is not an address.
    """

    def __init__(self, prefixes: Sequence[str] = ()) -> None:
        self._prefixes = [Place.of(each) for each in prefixes]

    def check(self, order: Order) -> None:
        """Check the video and the destination of an order.

        Raises:
            RefusedError: one of them is not below any prefix.
        """
        places = {"video": order.video, "destination": order.destination}
        for what, place in places.items():
            if place is not None and not self._allows(place):
                raise RefusedError(
                    f"this worker may not use the {what} {place.shown}: it is not below "
                    f"{' or '.join(each.shown for each in self._prefixes)}; start workers with "
                    "--allow for it, then run `scrubjay cluster redrive`"
                )

    def _allows(self, place: Place) -> bool:
        return not self._prefixes or any(_is_below(place, each) for each in self._prefixes)


def _is_below(place: Place, top: Place) -> bool:
    """Whether a place is a prefix or below it; links on this machine are followed first."""
    if place.scheme != top.scheme:
        return False
    if place.is_local:
        return Path(place.address).resolve().is_relative_to(Path(top.address).resolve())
    if _host(place) != _host(top):
        return False
    above, below = _steps(top), _steps(place)
    return below[: len(above)] == above and not {".", ".."} & set(below)


def _host(place: Place) -> str:
    """Return the bucket of a place, or the host and port of a web address."""
    return place.bucket.lower() if place.scheme in _WEB else place.bucket


def _steps(place: Place) -> list[str]:
    """Return the parts of an address's path."""
    path = place.key
    if place.scheme in _WEB:
        path = unquote(urlsplit(place.address).path).replace("\\", "/")
    return [step for step in path.split("/") if step]
