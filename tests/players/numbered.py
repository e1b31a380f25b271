"""Finished sets whose pictures carry their number, so that what a document finds can be read."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
from clips import FPS, number_of
from PIL import Image

import scrubjay
from scrubjay.engines.inline import InlineEngine
from scrubjay.model import Manifest, Plan, Recipe, Sheet, Still
from scrubjay.publishing import publish
from scrubjay.sets.state import save_plan
from scrubjay.sets.store import Store

__all__ = ["Made", "is_kept", "kept_before", "make_set", "number_in", "plainly", "recipe_of"]

_WIDTH = 256


class Made(NamedTuple):
    """A set, and what is known of its video."""

    store: Store
    plan: Plan
    manifest: Manifest
    shown: Callable[[Fraction], int]
    """The number of the picture that the video shows at a time."""
    gaps: Sequence[int]
    """The indexes of the slices that were not made."""

    def times(self) -> list[Fraction]:
        """Return times to try: where pictures begin, just before, and between."""
        end, interval = self.plan.media.duration, self.interval
        starts = [k * interval for k in range(int(end / interval) + 1)]
        near = [start + off for start in starts for off in (0, interval / 3, interval * 99 / 100)]
        return [time for time in near if time < end]

    @property
    def interval(self) -> Fraction:
        """Seconds from one thumbnail to the next, and from one still to the next."""
        return self.plan.recipe.sheets[0].interval

    def expected(self, time: Fraction) -> int | None:
        """Return the number of the picture that stands for a time; None in a gap."""
        instant = time // self.interval * self.interval
        is_gap = any(
            self.plan.slices[index].start <= instant < self.plan.slices[index].end
            for index in self.gaps
        )
        return None if is_gap else self.shown(instant)

    def before(self, time: Fraction) -> int:
        """Return what is expected of a time, and in a gap, of the time before it (or after)."""
        places = [*range(int(time / self.interval), -1, -1), *range(int(time / self.interval), 99)]
        found = (self.expected(place * self.interval) for place in places)
        return next(number for number in found if number is not None)

    def cell(self, key: str, x: int, y: int, width: int, height: int) -> int:
        """Read the number in a rectangle of a sheet."""
        with Image.open(BytesIO(self.store.get(key))) as sheet:
            cell = sheet.convert("RGB").crop((x, y, x + width, y + height))
        return number_of(np.asarray(cell))


def number_in(data: bytes) -> int:
    """Read the number in a picture's file."""
    with Image.open(BytesIO(data)) as picture:
        return number_of(np.asarray(picture.convert("RGB")))


def recipe_of(slice_length: int, interval: Fraction, columns: int) -> Recipe:
    """Return a recipe with documents of sheets and packed stills; times are in seconds."""
    return Recipe(
        slice_length=Fraction(slice_length),
        animations=(),
        frames=(Still(format="mjpg", width=_WIDTH, interval=interval, quality=90),),
        sheets=(Sheet(width=_WIDTH, interval=interval, columns=columns, quality=90),),
        documents=("webvtt", "hls", "dash", "mjpg", "bif", "jellyfin"),
    )


def make_set(
    video: Path,
    recipe: Recipe,
    shown: Callable[[Fraction], int],
    gaps: Sequence[int] = (),
    *,
    folder: Path | None = None,
) -> Made:
    """Make the set of a video, without the slices that are to be gaps; in memory by default."""
    plan = scrubjay.plan(video, recipe=recipe, engine=InlineEngine())
    store = Store.open(folder) if folder else Store.in_memory()
    save_plan(store, plan)
    for slice_ in plan.slices:
        if slice_.index not in gaps:
            scrubjay.render_slice(plan, slice_.index, source=video, store=store)
    return Made(store, plan, publish(plan, store), shown, gaps)


def plainly(time: Fraction) -> int:
    """Return the number that a clip of a constant rate shows at a time."""
    return int(time * FPS)


def is_kept(number: int) -> bool:
    """Whether a picture is in the clip of a variable rate: it has one long hole and many short."""
    return number % 7 not in {2, 3, 5} and not 70 < number < 130


def kept_before(time: Fraction) -> int:
    """Return the number that the clip of a variable rate shows at a time."""
    return max(filter(is_kept, range(plainly(time) + 1)))
