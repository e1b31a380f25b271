"""Animated AVIF: a twenty-fifth of a GIF's bytes on film, in `<img>`; browsers since 2024 play it.

FFmpeg writes the edit list that lets it loop for ever.

Source: AV1 Image File Format, https://aomediacodec.github.io/av1-avif/.
"""

from av.video.reformatter import ColorTrc

from scrubjay.encode.av1 import AV1
from scrubjay.encode.streaming import StreamingEncoder

__all__ = ["Encoder"]


class Encoder(StreamingEncoder):
    """Makes one animation of an output."""

    coding = AV1._replace(container="avif", ticks=90_000, curve=ColorTrc.IEC61966_2_1)
