"""Stills and sheets as JPEG."""

import numpy as np
import numpy.typing as npt
from simplejpeg import encode_jpeg

__all__ = ["encode"]

_CHROMA_FROM = 90
"""From this quality on, colour is kept at full resolution (4:4:4), as most encoders do."""


def encode(picture: npt.NDArray[np.uint8], quality: int) -> bytes:
    """Return a (height, width, 3) RGB uint8 picture as a baseline JPEG (JFIF: BT.601, full range).

    Args:
        picture: at most 65,500 px a side.
        quality: libjpeg's scale, 1 to 100.

    Raises:
        MemoryError: there is too little memory for it.
    """
    subsampling = "444" if quality >= _CHROMA_FROM else "420"
    try:
        return bytes(
            encode_jpeg(picture, quality=quality, colorspace="RGB", colorsubsampling=subsampling)
        )
    except ValueError as exc:  # libjpeg's "Insufficient memory (case 10)" (jerror.h) is one
        if "memory" in str(exc):
            raise MemoryError(str(exc)) from exc
        raise
