"""Sheets as AVIF: about as many bytes as WebP, nearer to the film, at three times the CPU seconds.

A still is no better off as AVIF: at the quality of a JPEG it takes many times the CPU seconds, more
than decoding the film does, and is hardly smaller than a WebP.

SVT-AV1's mode for single pictures takes half the memory of its mode for animations (26 bytes a
pixel), and with preset 7 fewer CPU seconds than this with preset 10 (96 ms to 111), for equal
bytes and at least equal PSNR.

Source: AV1 Image File Format, https://aomediacodec.github.io/av1-avif/.
"""

from fractions import Fraction

from scrubjay.encode import avif
from scrubjay.encode.base import RgbPicture
from scrubjay.model import Animation

__all__ = ["encode"]

_COMMON = 75
"""A quality up to which numbers are 21 more than those of AV1 times 0.63; above, they rise to 100
twice as fast."""


class _Encoder(avif.Encoder):
    coding = avif.Encoder.coding._replace(
        options={
            **avif.Encoder.coding.options,
            "preset": "7",
            "svtav1-params": "lp=1:avif=1",
        }
    )


def encode(picture: RgbPicture, quality: int) -> bytes:
    """Return a (height, width, 3) RGB uint8 picture as an AVIF of one picture.

    Args:
        picture: 4 to 8,704 px a side.
        quality: 1 to 100; it looks about like a JPEG or WebP of that number.
    """
    most = min(quality, _COMMON)
    own = round(21 + most * Fraction(63, 100) + (quality - most) * Fraction(127, 100))
    encoder = _Encoder(Animation(quality=own))
    encoder.add(picture, Fraction(0))
    return encoder.finish(Fraction(1))
