"""What a command needs from its settings: places, and an engine."""

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypedDict

from msgspec.structs import replace

from scrubjay.engines.processes import ProcessEngine
from scrubjay.limits import Limits
from scrubjay.places.place import Place
from scrubjay.sandbox.confinement import Sandbox
from scrubjay.settings import load_limits, load_settings

if TYPE_CHECKING:
    from scrubjay.engines.shared import WorkerPool

__all__ = ["Setup"]


class _Bounds(TypedDict):
    workers: int
    attempts: int
    stall_timeout: float
    limits: Limits
    sandbox: Sandbox


class Setup:
    """The settings of one command, loaded once.

    Args:
        flags: the command's options, by field name.

    Raises:
        RecipeError: a setting is wrong; the text names it.
    """

    def __init__(self, flags: Mapping[str, object]) -> None:
        self._flags = flags
        self.settings = load_settings(flags, os.environ)

    def place(self, text: str, *, stream: int | None = None) -> Place:
        """Return the place at an address, which may have to be on the public internet.

        Args:
            text: a path or a URL.
            stream: video stream of the file, 0-based; None means the one that browsers show.

        Raises:
            PlaceError: the address is not of a kind that Scrubjay supports.
        """
        place = Place.of(text, endpoint=self.settings.endpoint, stream=stream)
        return replace(place, public_only=not self.settings.private_addresses)

    @property
    def limits(self) -> Limits:
        """How much one video may cost.

        Raises:
            RecipeError: a limit is wrong; the text names it.
        """
        return load_limits(self._flags, os.environ)

    def engine(self, *, most_workers: int = 0) -> ProcessEngine:
        """Return a new engine, which the caller closes.

        Args:
            most_workers: how many workers it has at most, whatever the settings say; 0 is any.

        Raises:
            RecipeError: a limit is wrong; the text names it.
        """
        bounds = self._bounds()
        if most_workers:
            bounds["workers"] = min(bounds["workers"] or most_workers, most_workers)
        return ProcessEngine(**bounds)

    def pool(
        self, *, per_disk: int = 0, may_begin: Callable[[int], bool] = lambda _: True
    ) -> "WorkerPool":
        """Return new workers for many videos, which the caller opens and closes.

        Args:
            per_disk: most workers that read from one disk at once; 0 is any number.
            may_begin: whether another slice may begin beside so many.

        Raises:
            RecipeError: a limit is wrong; the text names it.
        """
        from scrubjay.engines.shared import WorkerPool  # noqa: PLC0415  one video needs none

        return WorkerPool(**self._bounds(), per_disk=per_disk, may_begin=may_begin)

    def _bounds(self) -> _Bounds:
        return _Bounds(
            workers=self.settings.workers,
            attempts=self.settings.attempts,
            stall_timeout=self.settings.stall_timeout,
            limits=self.limits,
            sandbox=self.settings.sandbox,
        )
