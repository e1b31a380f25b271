"""What an encoder is: pictures in, the bytes of a file out."""

from collections.abc import Callable
from fractions import Fraction
from importlib import import_module
from typing import Protocol, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from scrubjay.model import Animation, Sheet, Still
from scrubjay.registry import FORMATS

__all__ = ["AnimationEncoder", "RgbPicture", "StillEncoder", "animation_encoder", "still_encoder"]

RgbPicture: TypeAlias = npt.NDArray[np.uint8]
"""(height, width, 3) RGB uint8, full range, C-contiguous."""

StillEncoder: TypeAlias = Callable[[RgbPicture, int], bytes]
"""Takes one picture and a quality from 1 to 100, and returns the file."""


class AnimationEncoder(Protocol):
    """Takes the pictures of one animation as they are decoded."""

    def add(self, picture: RgbPicture, time: Fraction) -> None:
        """Take the next picture, shown from `time` seconds on; the same object again is cheap."""
        ...

    def finish(self, end: Fraction) -> bytes:
        """Return the file; its last picture ends at `end` seconds."""
        ...


def animation_encoder(options: Animation) -> AnimationEncoder:
    """Return a new encoder for one animation of an output."""
    module = import_module(FORMATS[options.kind][options.format].module)
    return cast("AnimationEncoder", module.Encoder(options))


def still_encoder(options: Still | Sheet) -> StillEncoder:
    """Return what encodes the pictures of an output."""
    module = import_module(FORMATS[options.kind][options.format].module)
    return cast("StillEncoder", module.encode)
