"""Text in pictures: a font of our own, drawn from strokes at any size.

A confined worker may read no font file, and a library for text would be a new dependency.
"""

import unicodedata
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

__all__ = ["Coverage", "lettering"]

Coverage = npt.NDArray[np.float32]
"""(height, width) float32: how much of each pixel is covered, 0 to 1."""

_FONT = r"""
0 ~00808c0c00
1 1350,505c
2 ~030080855a0c,0c8c
3 ~1100808636,~36868c0c0b
4 600989,606c
5 701006,~0625858c0c0a
6 ~7130000c8c85050a
7 00803c
8 ~1070761610,~06868c0c06
9 ~1b5c8c8000078782
: 0405,0b0c
. 0b0c
, 1b0e
- 0757
_ 0e8e
/ 0d60
\ 006d
( ~30030b3e
) ~00333b0e
[ 30000e3e
] 00303e0e
{ ~40202506,~06272e4e
} ~00202547,~47272e0e
+ 0787,434b
= 0585,0989
* 0676,1975,1369
& ~8c5833306063080c5c87
% 800c,~0030340400,~58888c5c58
# 302c,706c,0484,0888
@ ~9c4e0c0020a0a87a74,~74343a7a
! 0008,0b0c
? ~020080864649,4b4c
' 0003
" 0003,3033
` 0023
; 1415,1b0e
< 72077c
> 02770c
| 000e
^ 044084
~ ~0805488885
$ ~82800006868c0c0a,404c
A 0c408c,1878
B 000c,~004070764606,~0656868c5c0c
C ~8380000c8c89
D 000c,~0040808c4c0c
E 80000c8c,0676
F 80000c,0676
G ~8380000c8c87,8757
H 000c,808c,0686
I 000c
J ~60686c0c09
K 000c,8007,348c
L 000c8c
M 0c0057a0ac
N 0c008c80
O ~00909c0c00
P 000c,~004080874707
Q ~00909c0c00,599d
R 000c,~004080874707,478c
S ~82800006868c0c0a
T 0080,404c
U ~00080c8c8880
V 004c80
W 003c629cc0
X 008c,800c
Y 004680,464c
Z 00800c8c
a ~04747c0c04,747c
b ~04747c0c04,000c
c ~7674040c7c7a
d ~04747c0c04,707c
e 0878,~7874040c7c7a
f ~502023,232c,0454
g ~04747c0c04,747c,~7c7g0g0f
h 000c,~08047478,787c
i 040c,0001
j ~242d2g0g,2021
k 000c,6409,276c
l 000c
m 040c,~08045458,585c,~5854a4a8,a8ac
n 040c,~08047478,787c
o ~04747c0c04
p ~04747c0c04,040g
q ~04747c0c04,747g
r 040c,~080454
s ~65640408686c0c0b
t ~20282c5c,0454
u ~04080c7c7874,747c
v 043c64
w 042c558ca4
x 046c,640c
y 043c,641g
z 04640c6c
� 00808c0c00
"""
"""A line for each character and its strokes. A stroke is a list of points, two base-36 digits each:
how far right, and how far down from the top of capitals. A stroke with `~` is a curve, which its
points pull towards them."""

_GLYPHS = {line[0]: line[2:].split(",") for line in _FONT.strip("\n").split("\n")}
_UNKNOWN = "\N{REPLACEMENT CHARACTER}"

_CAPITAL, _DESCENDER, _SPACING, _SPACE, _DIGIT = 12, 4, 4, 4, 8
"""Units: height of capitals, depth of a `g`, space between characters, width of a space and of any
digit."""

_WEIGHT = 1.7
"""Units: width of a stroke."""

_ROUNDS = 3
"""How often the corners of a round stroke are cut."""


def lettering(text: str, capital_px: int) -> Coverage:
    """Draw a line of text: ASCII; other letters lose their accents, or become a box.

    Args:
        text: at least one character.
        capital_px: height of capitals; letters such as `g` reach a third of that below.

    Returns:
        (height, width) float32 from 0 to 1, as wide as the text; the height is the same for all
        texts.
    """
    plain = "".join(each for each in unicodedata.normalize("NFKD", text) if not _is_mark(each))
    return np.hstack(
        [_drawn(each if each in _GLYPHS or each == " " else _UNKNOWN, capital_px) for each in plain]
    )


def _is_mark(character: str) -> bool:
    return unicodedata.combining(character) > 0


@lru_cache(maxsize=512)
def _drawn(character: str, capital_px: int) -> Coverage:
    """Draw a character and the space after it."""
    unit = capital_px / _CAPITAL
    margin = _WEIGHT / 2
    strokes = [_points(each) for each in _GLYPHS.get(character, ())]
    reach = max((float(points[:, 0].max()) for points in strokes), default=_SPACE)
    reach = _DIGIT if character.isdigit() else reach
    width = round((reach + _SPACING) * unit)
    height = round((_CAPITAL + _DESCENDER + 2 * margin) * unit)
    down, right = np.mgrid[0:height, 0:width] + 0.5
    across, along = right / unit - margin, down / unit - margin
    distance = np.full((height, width), np.inf)
    for points in strokes:
        for start, end in pairwise(points):
            distance = np.minimum(distance, _distance(across, along, start, end))
    return np.clip((margin - distance) * unit + 0.5, 0, 1).astype(np.float32)


def _distance(
    across: npt.NDArray[np.float64],
    along: npt.NDArray[np.float64],
    start: npt.NDArray[np.float64],
    end: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Return how far each place is from a line."""
    step = end - start
    share: npt.NDArray[np.float64] = (
        (across - start[0]) * step[0] + (along - start[1]) * step[1]
    ) / (step @ step)
    share = np.clip(share, 0, 1)
    near = start + share[..., None] * step
    squares: npt.NDArray[np.float64] = (across - near[..., 0]) ** 2 + (along - near[..., 1]) ** 2
    return np.sqrt(squares)


def _points(stroke: str) -> npt.NDArray[np.float64]:
    """Return the points of a stroke, (number, 2), in units; a round one has its corners cut."""
    digits = [int(each, 36) for each in stroke.lstrip("~")]
    points = np.array(digits, float).reshape(-1, 2)
    if not stroke.startswith("~"):
        return points
    is_closed = (points[0] == points[-1]).all()
    for _ in range(_ROUNDS):
        before, after = points[:-1], points[1:]
        cut = np.stack([0.75 * before + 0.25 * after, 0.25 * before + 0.75 * after], 1)
        inner = cut.reshape(-1, 2)
        ends = (inner[-1:], inner[:0]) if is_closed else (points[:1], points[-1:])
        points = np.vstack([ends[0], inner, ends[1]])
    return points
