"""Sheets as AVIF: about as many bytes as WebP, nearer to the film, at three times the CPU seconds.

A still is no better off as AVIF: at the quality of a JPEG it takes 20 times the CPU seconds, more
than decoding the film does, and is hardly smaller than a WebP.

Source: AV1 Image File Format, https://aomediacodec.github.io/av1-avif/.
"""

from fractions import Fraction

from scrubjay.encode.avif import Encoder
from scrubjay.encode.base import RgbPicture
from scrubjay.model import Animation

__all__ = ["encode"]

_COMMON = 75
"""A quality up to which numbers are those of AV1 times 3/5; above, they rise faster."""


def encode(picture: RgbPicture, quality: int) -> bytes:
    """Return a (height, width, 3) RGB uint8 picture as an AVIF of one picture.

    Args:
        picture: 4 to 8,704 px a side.
        quality: 1 to 100; it looks about like a JPEG or WebP of that number.
    """
    most = min(quality, _COMMON)
    own = max(1, round(most * Fraction(3, 5) + (quality - most) * Fraction(8, 5)))
    encoder = Encoder(Animation(quality=own))
    encoder.add(picture, Fraction(0))
    return encoder.finish(Fraction(1))
