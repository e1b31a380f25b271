"""What the bytes of an object say about its pictures."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["BrokenError", "Look", "RgbPicture"]

RgbPicture: TypeAlias = npt.NDArray[np.uint8]
"""(height, width, 3) RGB uint8."""


class BrokenError(Exception):
    """The bytes of an object are not a valid file of their format; the text says why."""


class Look(NamedTuple):
    """The pictures of one object, as its own structure describes them."""

    media_type: str
    width: int
    height: int
    starts: tuple[int, ...]
    """When each picture begins, in ticks from the first one."""
    end: int | None
    """When the last picture ends, in ticks; None if a still does not say."""
    tick: Fraction
    """Length of a tick in seconds."""
    pictures: Callable[[], Iterator[RgbPicture]]
    """Decodes each picture, as a viewer sees it."""
    shortest: int = 1
    """Least ticks that a picture lasts, because viewers show a shorter one for longer."""
    is_endless: bool | None = None
    """Whether it repeats for ever; None if its format does not say."""
    may_merge: bool = False
    """Whether one picture may stand for several equal ones in a row."""
    picture_bytes: tuple[int, ...] = ()
    """The size of each JPEG in packed stills."""
