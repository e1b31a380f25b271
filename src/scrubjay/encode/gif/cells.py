"""From colour cells to palette colours, for every pixel that is drawn."""

import numpy as np
import numpy.typing as npt

from scrubjay.encode.gif.nearest import Points, distances, find_nearest, make_scorer, widen
from scrubjay.encode.gif.packed import Packed
from scrubjay.encode.gif.palette import Palette, trimmed

__all__ = ["CellTable"]

# squared distances to all colours, in half levels, from which a cell gets a colour of its own: 24
# levels a channel, and more than a middle may be off
_FAR, _OTHER = 3 * 48**2, 3
_FEW = 300  # cells among which finding repetitions does not pay
_GOLDEN, _TOP = np.uint32(0x9E3779B1), np.uint32(16)  # Knuth's multiplicative hash, to 16 bits


class CellTable:
    """From a colour cell to the nearest colour of a palette, filled as cells occur.

    Args:
        palette: the colours to start with.
        colors: how many it may grow to, at most 255. The sample misses small things, so a far
            colour found while mapping (a cursor, a lamp) is added; any colour if the palette had
            all colours of the sample.
        bits: of each channel that a cell keeps, 6 to 8. In flat graphics 6 lose 5 dB against 7
            (there are few cells, and everything lies in them) and 8 gain up to another 1. In film
            8 gain 0.2 dB over 6 and take a third more time, because many more cells occur.
        spare: a table of which only the palette is still needed; its memory is reused.
    """

    def __init__(
        self, palette: Palette, colors: int, bits: int, spare: "CellTable | None" = None
    ) -> None:
        self._colors = colors
        self._drop = np.uint32(8 - bits)
        self._mask = np.uint32(0x010101 * ((1 << bits) - 1))
        # from a cell to its middle, doubled, since it lies between levels: all stay whole numbers
        self._scale = np.array([2 << 8 - bits] * 3 + [0], dtype=np.float32)
        self._middle = np.array([(1 << 8 - bits) - 1] * 3 + [1], dtype=np.float32)
        self._far = _FAR if len(palette) >= trimmed(colors) else _OTHER
        # A cell's position is its colour, shifted and masked, in two passes; without the gaps of a
        # 6-bit cell it would take six. The gaps are memory that is never touched.
        memory = None if spare is None else spare._release()  # noqa: SLF001
        if memory is None or len(memory) <= int(self._mask):
            memory = np.zeros(int(self._mask) + 1, dtype=np.uint8)
        self._table = memory  # 0: not yet known
        self._filled: list[Packed] = []
        self._use(palette)

    @property
    def palette(self) -> Palette:
        """The colours so far; existing ones keep their positions."""
        return self._palette

    def _release(self) -> npt.NDArray[np.uint8]:
        """Clear and return the table's memory; no lookup may follow."""
        table, self._table = self._table, np.zeros(0, dtype=np.uint8)
        for cells in self._filled:  # getting 16 MB of zeros anew takes 1 ms, this 0.2
            table[cells] = 0
        self._filled = []
        return table

    def _use(self, palette: Palette) -> None:
        """Use these colours."""
        self._palette = palette
        doubled = palette.astype(np.uint16) * 2  # as middles are
        self._scorer, self._colours = make_scorer(doubled), widen(doubled.T, len(doubled))
        wide = palette.astype(np.uint32)
        index = np.arange(1, len(palette) + 1, dtype=np.uint32)
        self._packed: Packed = np.zeros(256, dtype=np.uint32)
        self._packed[index] = index << 24 | wide[:, 2] << 16 | wide[:, 1] << 8 | wide[:, 0]

    def lookup(self, pixels: Packed) -> Packed:
        """Map pixels to palette colours.

        Args:
            pixels: (n,) packed colours.

        Returns:
            (n,) the nearest colours, packed with their indices in the highest bytes; these start
            at 1, since 0 is the transparent one.
        """
        cells = pixels >> self._drop
        cells &= self._mask
        found = self._table.take(cells, mode="clip")
        missed = np.flatnonzero(found == 0)
        if len(missed):
            cells = cells.take(missed)
            self._fill(_distinct(cells) if len(cells) > _FEW else cells)
            found[missed] = self._table.take(cells, mode="clip")
        return self._packed.take(found, mode="clip")

    def _fill(self, cells: Packed) -> None:
        """Find the nearest colours of the middles of some cells."""
        points = cells.view(np.uint8).reshape(-1, 4).astype(np.float32)
        points *= self._scale
        points += self._middle
        nearest = find_nearest(points, self._scorer)
        if len(self._palette) < self._colors:
            self._add_far(points, nearest)
        self._table[cells] = nearest + 1
        self._filled.append(cells)

    def _add_far(self, points: Points, nearest: npt.NDArray[np.intp]) -> None:
        """Add the points that are far from all colours to these, the farthest first."""
        far = distances(points, self._colours.take(nearest, axis=0))
        worst = int(far.argmax())
        while far[worst] > self._far and len(self._palette) < self._colors:
            added = points[worst]
            self._use(np.vstack([self._palette, (added[:3] // 2).astype(np.uint8)]))
            off = distances(points, added)
            nearest[off < far] = len(self._palette) - 1
            far = np.minimum(far, off)
            worst = int(far.argmax())


def _distinct(cells: Packed) -> Packed:
    """Remove most repetitions of cells; twice as fast as by sorting.

    Of the cells with equal hashes, the last one and those that differ from it stay.
    """
    hashes = cells * _GOLDEN >> _TOP
    numbers = np.arange(len(cells), dtype=np.uint32)
    winners = np.empty(1 << 16, dtype=np.uint32)
    winners[hashes] = numbers
    last = winners.take(hashes)
    kept = np.flatnonzero((last == numbers) | (cells.take(last) != cells))
    return cells.take(kept)
