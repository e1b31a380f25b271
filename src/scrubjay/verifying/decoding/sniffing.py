"""Which reader an object needs: its first bytes decide, not its name."""

from scrubjay.verifying.decoding import boxes, ffmpeg, gif, stills, webp
from scrubjay.verifying.decoding.look import Look

__all__ = ["look_at"]


def look_at(data: bytes) -> Look:
    """Read the structure of an object; formats without a reader of their own are FFmpeg's.

    Raises:
        BrokenError: it is damaged.
    """
    if data.startswith(gif.SIGNATURES):
        return gif.look(data)
    if data.startswith(stills.JPEG):
        return stills.look_at_jpeg(data)
    if data.startswith(stills.PNG):
        return stills.look_at_png(data)
    if webp.is_webp(data):
        return webp.look(data)
    if boxes.is_boxed(data):
        return boxes.look(data)
    return ffmpeg.look(data)
