"""Pictures to an animated GIF, made for video.

Every pixel that can stay as it is shown is left transparent, which makes GIFs of video small. The
limit: whenever a pixel changes, its squared error is at most ``slack`` more than that of the
palette's nearest colour. Errors never add up. (A pixel that does not change stays as it is; a new
palette redraws it if its row changes with that palette's first picture.)

FFmpeg's GIF encoder does the LZW coding and nothing else; blocks, delays and palettes are written
here. By itself it does no frame differencing when the palette changes (it then writes the whole
frame), and it lets a frame with transparent pixels be erased when it ends (disposal 2).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np

from scrubjay.encode.gif.canvas import Canvas
from scrubjay.encode.gif.cells import CellTable
from scrubjay.encode.gif.container import TRAILER, GifFrame, write_header
from scrubjay.encode.gif.lzw import Indices, LzwCoder
from scrubjay.encode.gif.packed import RgbPicture
from scrubjay.encode.gif.stretches import Stretch, plan_palettes
from scrubjay.model import Animation

__all__ = ["Encoder", "delays_of", "encode_gif"]

_MOST_COLORS, _MOST_DITHER = 255, 127
_LADDER = (
    *((255, slack) for slack in (9, 16, 23, 30, 40, 50, 65, 80, 100)),
    *((colors, 100) for colors in (128, 96, 64, 48, 32)),
    *((32, slack) for slack in (150, 200, 300)),
    (16, 300),
)
"""Colours and slack in the order of least harm, as measured on film, a live camera and a
screencast. Up to a slack of 100 (which looks like gifski's quality 90), more slack saves more bytes
than fewer colours do at the same PSNR; beyond it, the opposite is true on film and screencast."""

_FINE, _FAIR = 6, 14  # mean squared errors: 45 and 41 dB
_SHORTEST = 2  # hundredths of a second; browsers show shorter frames for a tenth
_LONGEST = 0xFFFF  # hundredths of a second in a frame's 16 bits


def encode_gif(
    pictures: Sequence[RgbPicture],
    starts: Sequence[Fraction],
    end: Fraction,
    *,
    colors: int = 255,
    dither: int = 0,
    slack: int = 9,
    max_bytes: int | None = None,
) -> bytes:
    """Write pictures as a GIF that loops for ever, one GIF frame for each picture.

    Args:
        pictures: equal-sized pictures; the same object in a row costs almost nothing.
        starts: when each is shown, in exact seconds, ascending.
        end: when the last one ends, in exact seconds.
        colors: most colours in a palette, 1 to 255.
        dither: amplitude of the ordered 8 x 8 dither in levels, 0 to 127. With palettes made for
            each scene, 1 hides almost no bands, and costs 0.2 to 1.2 dB.
        slack: how much larger the squared error (sum of three channels) of a pixel that is not
            redrawn may be, 0 or more. Files with 0 are 4 to 20 % larger than with 9, with 30 they
            are 7 to 23 % smaller; from 300 on, still areas look dirty.
        max_bytes: most bytes of the file. More slack is used first, then fewer colours; it takes
            five or six times as long.

    Returns:
        The file; larger than `max_bytes` if even the worst GIF of these pictures is.

    Raises:
        ValueError: the arguments do not fit together.
    """
    if not pictures or len(pictures) != len(starts):
        raise ValueError(f"{len(pictures)} pictures with {len(starts)} start times")
    if len({picture.shape for picture in pictures}) > 1:
        raise ValueError("the pictures have different sizes")
    if not 1 <= colors <= _MOST_COLORS:
        raise ValueError(f"colours must be from 1 to {_MOST_COLORS}, not {colors}")
    if not (0 <= dither <= _MOST_DITHER and slack >= 0):
        raise ValueError(
            f"dither must be from 0 to 127 and slack at least 0, not {dither} and {slack}"
        )
    delays = delays_of(starts, end)
    stretches = plan_palettes(pictures, colors)
    first = _Effort(colors=colors, dither=dither, slack=slack)
    data = _write(pictures, delays, stretches, first)
    if max_bytes is None or len(data) <= max_bytes:
        return data
    return _squeeze(pictures, delays, first, max_bytes)


class Encoder:
    """Makes one animation of an output: palettes are chosen from all of its pictures.

    Args:
        options: the output's.
    """

    def __init__(self, options: Animation) -> None:
        self._options = options
        self._pictures: list[RgbPicture] = []
        self._starts: list[Fraction] = []

    def add(self, picture: RgbPicture, time: Fraction) -> None:
        """Take the next picture, shown from `time` seconds on."""
        self._pictures.append(picture)
        self._starts.append(time)

    def finish(self, end: Fraction) -> bytes:
        """Return the file; its last picture ends at `end` seconds."""
        return encode_gif(
            self._pictures,
            self._starts,
            end,
            colors=self._options.colors,
            max_bytes=self._options.max_bytes or None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Effort:
    """The quality of a GIF; the fields are those of `encode_gif`."""

    colors: int
    dither: int
    slack: int


def _squeeze(
    pictures: Sequence[RgbPicture], delays: Sequence[int], first: _Effort, max_bytes: int
) -> bytes:
    """Find the best GIF within the budget, by bisection over `_LADDER`: five are written."""
    ladder = [
        _Effort(colors=min(colors, first.colors), dither=0, slack=max(slack, first.slack))
        for colors, slack in _LADDER
    ]
    smallest = best = _attempt(pictures, delays, ladder[-1])
    low, high = 0, len(ladder) - 1
    while low < high and len(smallest) <= max_bytes:
        middle = (low + high) // 2
        data = _attempt(pictures, delays, ladder[middle])
        if len(data) > max_bytes:
            low = middle + 1
        else:
            high, best = middle, data
    return best


def _attempt(pictures: Sequence[RgbPicture], delays: Sequence[int], effort: _Effort) -> bytes:
    return _write(pictures, delays, plan_palettes(pictures, effort.colors), effort)


def _write(
    pictures: Sequence[RgbPicture],
    delays: Sequence[int],
    stretches: Sequence[Stretch],
    effort: _Effort,
) -> bytes:
    """Map, encode and join all frames."""
    height, width = pictures[0].shape[:2]
    canvas = Canvas(height, width, effort.dither, effort.slack)
    frames = list(_frames(pictures, stretches, canvas, effort.colors))
    uses = Counter(id(frame.table) for frame in frames if frame.table)
    # the most used palette is written once, the others in each of their frames
    common = max((f.table for f in frames if f.table), key=lambda table: uses[id(table)])
    blocks = [write_header(width, height, common.palette)]
    for delay, frame in zip(delays, frames, strict=True):
        blocks.append(frame.write(delay, None if frame.table is common else frame.table))
    blocks.append(TRAILER)
    return b"".join(blocks)


def delays_of(starts: Sequence[Fraction], end: Fraction) -> list[int]:
    """Round delays to 1/100 s from absolute times, so that they never drift.

    None is below 2/100 s, which browsers would show for a tenth: a shorter frame takes time from
    its neighbours, usually the last one from the frame before it. Only if there is too little time
    for all of them is the sum more than the time from the first start to the end.

    Args:
        starts: as in `encode_gif`.
        end: as in `encode_gif`.

    Raises:
        ValueError: times run backwards, or a frame lasts too long for a GIF.
    """
    ticks = [round((time - starts[0]) * 100) for time in (*starts, end)]
    delays = [after - before for before, after in pairwise(ticks)]
    if min(delays) < 0 or max(delays) > _LONGEST:
        raise ValueError(f"a frame would last {min(delays) / 100} or {max(delays) / 100} s")
    ticks[-1] = max(ticks[-1], _SHORTEST * len(starts))
    for place in range(1, len(starts)):
        ticks[place] = max(ticks[place], ticks[place - 1] + _SHORTEST)
    for place in reversed(range(1, len(starts))):
        ticks[place] = min(ticks[place], ticks[place + 1] - _SHORTEST)
    return [after - before for before, after in pairwise(ticks)]


def _frames(
    pictures: Sequence[RgbPicture], stretches: Sequence[Stretch], canvas: Canvas, colors: int
) -> Iterator[GifFrame]:
    """Map every picture to a frame that changes what is shown before it."""
    lzw = LzwCoder()
    blank = lzw.encode(np.zeros((1, 1), dtype=np.uint8))  # a transparent pixel
    unchanged = GifFrame(left=0, top=0, width=1, height=1, table=None, data=blank)
    common: CellTable | None = None
    spare: CellTable | None = None
    for stretch in stretches:
        table = common if stretch.common else None
        if table is None:
            table = CellTable(stretch.palette, colors, _bits(stretch.error), spare)
            spare = None
        for change in canvas.show(pictures[stretch.start : stretch.stop], table):
            yield unchanged if change is None else _drawn(*change, table, lzw)
        if stretch.common:
            common = table
        else:  # its palette is never used again, but its memory is
            spare = table


def _drawn(top: int, left: int, indices: Indices, table: CellTable, lzw: LzwCoder) -> GifFrame:
    """Encode what has changed, and where."""
    height, width = indices.shape
    data = lzw.encode(indices)
    return GifFrame(left=left, top=top, width=width, height=height, table=table, data=data)


def _bits(error: float) -> int:
    """Choose how finely to distinguish colours, given a palette's mean squared error.

    With 7 bits up to an error of 24, film gains 0.05 dB and takes 5 % longer.
    """
    return 8 if error < _FINE else 7 if error < _FAIR else 6
