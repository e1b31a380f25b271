"""How the film's scenes are painted: colours, gradients, discs, glows and hills."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = [
    "Floats", "H", "Picture", "W", "X", "Y", "below", "blend", "disc", "glow", "gradient", "mix",
    "rgb", "ridge",
]  # fmt: skip

W, H = 640, 360
"""Size in px at which scenes are drawn: half of the film's."""

Floats: TypeAlias = npt.NDArray[np.float32]
Picture: TypeAlias = Floats
"""(H, W, 3) RGB float32, 0 to 255."""

Y: Floats = np.arange(H, dtype=np.float32)[:, None]
X: Floats = np.arange(W, dtype=np.float32)[None, :]


def rgb(text: str) -> Floats:
    """Return the colour written as "ffcc00"."""
    return np.array([int(text[i : i + 2], 16) for i in (0, 2, 4)], np.float32)


def mix(a: Floats, b: Floats, share: float) -> Floats:
    """Return a colour between two; 0 is the first."""
    between: Floats = a + (b - a) * np.float32(min(max(share, 0.0), 1.0))
    return between


def gradient(*colours: Floats) -> Picture:
    """Return a picture that goes through these colours from top to bottom."""
    stops = np.linspace(0, H - 1, len(colours))
    columns = [np.interp(Y[:, 0], stops, [each[c] for each in colours]) for c in range(3)]
    return np.repeat(np.stack(columns, -1)[:, None], W, axis=1).astype(np.float32)


def blend(part: Floats, alpha: Floats, colour: Floats) -> None:
    """Lay a colour over a part of a picture, where and as far as `alpha` says."""
    part += alpha[..., None] * (colour - part)


def disc(picture: Picture, x: float, y: float, r: float, colour: Floats, soft: float = 1) -> None:
    """Lay a disc over a picture; `soft` is the width of its edge in px."""
    top, bottom = max(0, int(y - r - soft)), min(H, int(y + r + soft) + 2)
    left, right = max(0, int(x - r - soft)), min(W, int(x + r + soft) + 2)
    if top < bottom and left < right:
        away = np.hypot(X[:, left:right] - x, Y[top:bottom] - y)
        blend(picture[top:bottom, left:right], np.clip((r - away) / soft + 0.5, 0, 1), colour)


def glow(picture: Picture, x: float, y: float, r: float, colour: Floats) -> None:
    """Add light around a point; `r` is where it has fallen to a third."""
    top, bottom = max(0, int(y - 3 * r)), min(H, int(y + 3 * r))
    left, right = max(0, int(x - 3 * r)), min(W, int(x + 3 * r))
    if top < bottom and left < right:
        fall = np.exp(-np.square((X[:, left:right] - x) / r))
        picture[top:bottom, left:right] += (np.exp(-np.square((Y[top:bottom] - y) / r)) * fall)[
            ..., None
        ] * colour


def ridge(rng: np.random.Generator, width: int, base: float, swing: float, wave: float) -> Floats:
    """Return the heights of a range of hills, column by column."""
    x = np.arange(width)
    height = np.full(width, base, np.float64)
    for power in range(5):
        height += swing / 1.8**power * np.sin(x * 2**power / wave + rng.uniform(0, 7))
    return height.astype(np.float32)


def below(line: Floats, top: int = 0) -> Floats:
    """Return the alpha of all that lies under a line, from row `top` down."""
    alpha: Floats = np.clip(Y[top:] - line[None] + 0.5, 0, 1)
    return alpha
