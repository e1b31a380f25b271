"""What an encoder is: pictures in, the bytes of a file out."""

from collections.abc import Callable
from fractions import Fraction
from importlib import import_module
from typing import Protocol, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from scrubjay.model import Animation, Sheet, Still
from scrubjay.registry import FORMATS

__all__ = [
    "AnimationEncoder",
    "PlanarPicture",
    "RgbPicture",
    "StillEncoder",
    "animation_encoder",
    "is_planar",
    "still_encoder",
]

RgbPicture: TypeAlias = npt.NDArray[np.uint8]
"""(height, width, 3) RGB uint8, full range, C-contiguous."""

PlanarPicture: TypeAlias = npt.NDArray[np.uint8]
"""(height * 3 // 2, width) uint8: the planes of luma and of 4:2:0 chroma, in BT.709 and the limited
range. Both sides are even; where the picture's are odd, the last column and row are repeated."""

StillEncoder: TypeAlias = Callable[[RgbPicture, int], bytes]
"""Takes one picture and a quality from 1 to 100, and returns the file."""


class AnimationEncoder(Protocol):
    """Takes the pictures of one animation as they are decoded."""

    def add(self, picture: RgbPicture | PlanarPicture, time: Fraction) -> None:
        """Take the next picture, shown from `time` seconds on; the same object again is cheap.

        Only formats with `takes_planar` in the registry get planar pictures.
        """
        ...

    def finish(self, end: Fraction) -> bytes:
        """Return the file; its last picture ends at `end` seconds."""
        ...


def is_planar(picture: RgbPicture | PlanarPicture) -> bool:
    """Whether a picture has planes of luma and chroma, and not red, green and blue."""
    return picture.ndim == 2  # noqa: PLR2004


def animation_encoder(options: Animation) -> AnimationEncoder:
    """Return a new encoder for one animation of an output."""
    module = import_module(FORMATS[options.kind][options.format].module)
    return cast("AnimationEncoder", module.Encoder(options))


def still_encoder(options: Still | Sheet) -> StillEncoder:
    """Return what encodes the pictures of an output."""
    module = import_module(FORMATS[options.kind][options.format].module)
    return cast("StillEncoder", module.encode)
