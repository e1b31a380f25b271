"""LZW coding of GIF images, done by FFmpeg."""

from fractions import Fraction
from typing import TypeAlias

import av
import numpy as np
import numpy.typing as npt

__all__ = ["Indices", "LzwCoder"]

Indices: TypeAlias = npt.NDArray[np.uint8]
"""(height, width) places in a palette, from 1; 0 is transparent."""


class LzwCoder:
    """FFmpeg's GIF encoder, used only for its LZW coder.

    It gets 256 different opaque colours and no flags, so it neither crops, nor finds a
    transparent colour, nor reorders the indices. It takes 6 ns a pixel, and 20 us an image.
    """

    def __init__(self) -> None:
        grey = np.zeros((256, 4), dtype=np.uint8)
        grey[:, 0] = np.arange(256)
        grey[:, 3] = 255
        self._colours = grey.tobytes()
        self._open(1, 1)

    def _open(self, width: int, height: int) -> None:
        """Create a coder for images of one size."""
        self._coder = av.CodecContext.create("gif", "w")
        self._coder.width, self._coder.height, self._coder.pix_fmt = width, height, "pal8"
        self._coder.time_base = Fraction(1, 100)
        self._coder.options = {"gifflags": "0", "gifimage": "1"}
        self._time = 0
        # The frame is written again and again. With "gifimage" a packet depends on its own frame
        # alone, and the encoder, which has no delay, is done with it when it returns.
        self._frame = av.VideoFrame(width, height, "pal8")
        self._frame.planes[1].update(self._colours)

    def encode(self, indices: Indices) -> bytes:
        """Encode (height, width) indices: return the minimum code size and the blocks of data."""
        height, width = indices.shape
        if (self._coder.width, self._coder.height) != (width, height):
            self._open(width, height)
        plane = self._frame.planes[0]
        padded = indices
        if plane.line_size != width:
            padded = np.zeros((height, plane.line_size), dtype=np.uint8)
            padded[:, :width] = indices
        plane.update(padded.tobytes())
        self._frame.pts, self._time = self._time, self._time + 1
        packet = self._coder.encode(self._frame)[0]  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        data = bytes(packet)  # pyright: ignore[reportUnknownArgumentType]
        # "gifimage" makes each packet a file: header 13, palette 768, extensions, descriptor 10
        return data[data.index(b"\x2c", 781) + 10 :]
