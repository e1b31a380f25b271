"""From the colours of a video to those of an ordinary screen (sRGB)."""

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["GamutMapper", "srgb_codes", "to_primaries"]

_Matrix = npt.NDArray[np.floating[Any]]

_D65, _C, _DCI = (0.3127, 0.3290), (0.310, 0.316), (0.314, 0.351)

_CHROMATICITIES = {
    "bt709": ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), _D65),
    "bt470m": ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), _C),
    "bt470bg": ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06), _D65),
    "film": ((0.681, 0.319), (0.243, 0.692), (0.145, 0.049), _C),
    "bt2020": ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),
    "dci-p3": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _DCI),
    "display-p3": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),
    "ebu3213": ((0.630, 0.340), (0.295, 0.605), (0.155, 0.077), _D65),
}
"""x and y of red, green, blue and white (ITU-T H.273, table 2)."""

_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
"""To cone responses, in which white is adapted (ICC.1:2022, annex E)."""

_STEPS = 1 << 14  # a step of a table is less than a level of the result
_BAND_PIXELS = 1 << 14  # worked on at once: they stay in the cache, and memory stays flat


class GamutMapper:
    """Maps pictures of ordinary brightness to sRGB, in linear light.

    Args:
        curve: of the coded values.
        primaries: of the coded values, one of H.273's names.
    """

    def __init__(self, curve: str, primaries: str) -> None:
        self._light = _light(curve, np.linspace(0, 1, 256)).astype(np.float32)
        self._matrix = to_primaries(primaries, "bt709").astype(np.float32)
        self._levels = srgb_codes(_STEPS)

    def __call__(self, picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Map a (height, width, 3) RGB uint8 picture, full range."""
        flat = picture.reshape(-1, 3)
        mapped = np.empty_like(flat)
        for start in range(0, len(flat), _BAND_PIXELS):
            band = slice(start, start + _BAND_PIXELS)
            light = self._matrix @ self._light.take(flat[band].T)
            places = np.clip(light, 0, 1) * np.float32(_STEPS - 1) + np.float32(0.5)
            mapped[band] = self._levels.take(places.astype(np.intp), mode="clip").T
        return mapped.reshape(picture.shape)


@cache
def to_primaries(primaries: str, target: str) -> _Matrix:
    """Return the matrix from light in some primaries to the same light in others.

    White stays white. Unknown primaries are treated as the target's.
    """
    if primaries not in _CHROMATICITIES:
        return np.eye(3)
    *source_points, source_white = _CHROMATICITIES[primaries]
    *target_points, target_white = _CHROMATICITIES[target]
    source_cones, target_cones = _BRADFORD @ _xyz(source_white), _BRADFORD @ _xyz(target_white)
    adapted = np.linalg.solve(_BRADFORD, (target_cones / source_cones)[:, None] * _BRADFORD)
    matrix: _Matrix = np.linalg.solve(
        _to_xyz(target_points, target_white), adapted @ _to_xyz(source_points, source_white)
    )
    return matrix


def srgb_codes(steps: int) -> npt.NDArray[np.uint8]:
    """Return the 8-bit codes of a number of steps of light from 0 to 1 (IEC 61966-2-1)."""
    light = np.linspace(0, 1, steps)
    curved = 1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055
    codes = np.where(light <= 0.0031308, 12.92 * light, curved)  # noqa: PLR2004  as the standard
    levels: npt.NDArray[np.uint8] = np.rint(255 * codes).astype(np.uint8)
    return levels


def _to_xyz(primaries: list[tuple[float, float]], white: tuple[float, float]) -> _Matrix:
    columns = np.stack([_xyz(each) for each in primaries], axis=1)
    scaled: _Matrix = columns * np.linalg.solve(columns, _xyz(white))
    return scaled


def _xyz(chromaticity: tuple[float, float]) -> _Matrix:
    x, y = chromaticity
    return np.array([x / y, 1, (1 - x - y) / y])


def _light(curve: str, codes: _Matrix) -> _Matrix:
    """Return the light of codes, 0 to 1 (ITU-T H.273, table 3; sRGB's inverse)."""
    match curve:
        case "linear":
            return codes
        case "gamma22":
            return codes**2.2
        case "gamma28":
            return codes**2.8
        case "smpte428":
            bright: _Matrix = np.clip(52.37 / 48 * codes**2.6, 0, 1)
            return bright
        case _:
            curved: Any = ((codes + 0.055) / 1.055) ** 2.4
            light: _Matrix = np.where(codes <= 0.04045, codes / 12.92, curved)  # noqa: PLR2004
            return light
