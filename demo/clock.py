"""The clock in the film: minutes and seconds in seven segments, at full size."""

import numpy as np
import numpy.typing as npt
from av import VideoFrame
from brushes import Floats, H
from scenes import FPS

__all__ = ["Clock"]

_SEGMENTS = (
    "abcdef",
    "bc",
    "abged",
    "abgcd",
    "fgbc",
    "afgcd",
    "afgedc",
    "abc",
    "abcdefg",
    "abcdfg",
)
_STROKES = {
    "a": (0, 0, 1, 0), "b": (1, 0, 1, 1), "c": (1, 1, 1, 2), "d": (0, 2, 1, 2),
    "e": (0, 1, 0, 2), "f": (0, 0, 0, 1), "g": (0, 1, 1, 1),
}  # fmt: skip
_DIGIT, _STEP, _GAP, _THICK, _PAD = 58, 94, 46, 17, 34
_PLATE_W, _PLATE_H = 2 * _PAD + 4 * _STEP + _GAP - (_STEP - _DIGIT), 2 * _PAD + 2 * _DIGIT + 22
_PLATE_X, _PLATE_Y = 44, 2 * H - _PLATE_H - 44  # even, for the colour planes are half as large


def capsule(a: tuple[float, float], b: tuple[float, float], thick: float) -> Floats:
    """Return the alpha of a thick line with round ends, on the clock's plate."""
    y, x = np.mgrid[0:_PLATE_H, 0:_PLATE_W].astype(np.float32)
    dx, dy = b[0] - a[0], b[1] - a[1]
    along = np.clip(((x - a[0]) * dx + (y - a[1]) * dy) / max(dx * dx + dy * dy, 1e-6), 0, 1)
    away = np.hypot(x - a[0] - along * dx, y - a[1] - along * dy)
    alpha: Floats = np.clip(thick / 2 - away + 0.5, 0, 1).astype(np.float32)
    return alpha


def digit_shape(value: int, left: float) -> Floats:
    """Return the alpha of one seven-segment digit."""
    shape = np.zeros((_PLATE_H, _PLATE_W), np.float32)
    for name in _SEGMENTS[value]:
        x0, y0, x1, y1 = (_DIGIT * part for part in _STROKES[name])
        start, end = (left + x0, _PAD + y0), (left + x1, _PAD + y1)
        shape = np.maximum(shape, capsule(start, end, _THICK))
    return shape


class Clock:
    """Draws minutes and seconds on a dark plate, and a line that fills once a second."""

    def __init__(self) -> None:
        edge = 26
        box = [(edge, edge), (_PLATE_W - edge, edge), (_PLATE_W - edge, _PLATE_H - edge)]
        box.append((edge, _PLATE_H - edge))
        plate = np.zeros((_PLATE_H, _PLATE_W), np.float32)
        plate[edge:-edge] = plate[:, edge:-edge] = 1
        corners = [capsule(point, point, 2 * edge) for point in box]
        plate[edge:-edge, edge:-edge] = 1
        for ys in (slice(0, edge), slice(-edge, None)):
            for xs in (slice(0, edge), slice(-edge, None)):
                plate[ys, xs] = 0
        self._plate = np.maximum(plate, np.max(corners, axis=0)) * np.float32(0.72)
        lefts = [_PAD + k * _STEP + (_GAP if k > 1 else 0) for k in range(4)]
        self._digits = [[digit_shape(value, left) for value in range(10)] for left in lefts]
        middle = _PAD + 2 * _STEP + (_GAP - (_STEP - _DIGIT)) / 2
        dots = [(middle, _PAD + _DIGIT * 0.55), (middle, _PAD + _DIGIT * 1.45)]
        self._colon = np.max([capsule(dot, dot, 20) for dot in dots], axis=0)
        y, x0, x1 = _PLATE_H - 27, _PAD - 2, _PLATE_W - _PAD + 2
        self._line = [capsule((x0, y), (x0 + (x1 - x0) * k / FPS, y), 8) for k in range(FPS)]
        self._second = -1
        self._shape = self._colon

    def draw(self, frame: VideoFrame, number: int) -> None:
        """Draw the time of a frame into it."""
        second, tick = divmod(number, FPS)
        if second != self._second:
            self._second = second
            values = (second // 600, second // 60 % 10, second % 60 // 10, second % 10)
            shapes = [self._digits[k][value] for k, value in enumerate(values)]
            self._shape = np.max([*shapes, self._colon], axis=0)
        shape, accent = self._shape, self._line[tick]
        luma, keep = self._view(frame, 0), 1 - self._plate
        ink = luma * keep + 20 * (1 - keep)
        ink += shape * (235 - ink)
        ink += accent * (170 - ink)
        luma[:] = ink
        lit = np.maximum(shape, accent)
        keep = (keep * (1 - lit))[::2, ::2]
        for plane, tint in ((1, 100), (2, 160)):  # a warm line
            colour = self._view(frame, plane)
            colour[:] = 128 + (colour - 128.0) * keep + (tint - 128) * accent[::2, ::2]

    def _view(self, frame: VideoFrame, plane: int) -> npt.NDArray[np.uint8]:
        """Return the clock's place in a plane, to write into."""
        whole = np.frombuffer(memoryview(frame.planes[plane]), np.uint8)
        rows = whole.reshape(-1, frame.planes[plane].line_size)
        k = 2 if plane else 1
        top, left = _PLATE_Y // k, _PLATE_X // k
        return rows[top : top + _PLATE_H // k, left : left + _PLATE_W // k]
