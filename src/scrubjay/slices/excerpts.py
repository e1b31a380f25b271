"""Animations that show a slice sped up, or a part of it: encoders around an encoder."""

from fractions import Fraction

from scrubjay.encode.base import AnimationEncoder, RgbPicture
from scrubjay.model import Animation
from scrubjay.slices.liveliest import Liveliness, liveliest

__all__ = ["Highlight", "Timelapse"]


class Timelapse:
    """Shows pictures at the output's frame rate, however far apart they are in the video.

    Args:
        encoder: what makes the file.
        options: the output's.
    """

    def __init__(self, encoder: AnimationEncoder, options: Animation) -> None:
        self._encoder = encoder
        self._fps = options.fps
        self._count = 0

    def add(self, picture: RgbPicture, time: Fraction) -> None:
        """Take the next picture."""
        del time
        self._encoder.add(picture, self._count / self._fps)
        self._count += 1

    def finish(self, end: Fraction) -> bytes:
        """Return the file."""
        del end
        return self._encoder.finish(self._count / self._fps)


class Highlight:
    """Keeps a slice's pictures, and shows the liveliest of them.

    Args:
        encoder: what makes the file.
        pictures: how many it shows.
    """

    def __init__(self, encoder: AnimationEncoder, pictures: int) -> None:
        self._encoder = encoder
        self._pictures = pictures
        self._kept: list[tuple[RgbPicture, Fraction]] = []
        self._last: Liveliness | None = None
        self._changes: list[float] = []
        self._blacks: list[bool] = []
        self.shown_from: Fraction | None = None
        """Where what it shows begins, in seconds; None until it is finished."""

    def add(self, picture: RgbPicture, time: Fraction) -> None:
        """Take the next picture, shown from `time` seconds on."""
        self._last = Liveliness.of(picture, self._last)
        self._changes.append(self._last.change)
        self._blacks.append(self._last.is_black)
        self._kept.append((picture, time))

    def finish(self, end: Fraction) -> bytes:
        """Return the file; the slice's last picture ends at `end` seconds."""
        first = liveliest(self._changes, self._blacks, self._pictures)
        after = first + self._pictures
        for picture, time in self._kept[first:after]:
            self._encoder.add(picture, time)
        _, self.shown_from = self._kept[first]
        return self._encoder.finish(self._kept[after][1] if after < len(self._kept) else end)
