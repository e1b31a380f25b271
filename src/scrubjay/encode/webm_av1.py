"""WebM of AV1, without sound: a twenty-fifth of a GIF's bytes on film; recent browsers play it.

It loops in a page by `<video loop muted playsinline autoplay>`.
"""

from scrubjay.encode.av1 import AV1
from scrubjay.encode.streaming import StreamingEncoder

__all__ = ["Encoder"]


class Encoder(StreamingEncoder):
    """Makes one animation of an output."""

    coding = AV1
