"""From HDR colours to those of an ordinary screen.

A phone films in HLG, films are mastered in PQ, both in BT.2020's wide colours. Taken for ordinary
ones, such pictures look grey. Here they become light (ITU-R BT.2100-2, tables 4 and 5), are put
into BT.709's colours (ITU-R BT.2407, annex 2: the matrix), and what is brighter than paper is
pressed together, all three channels by the same factor, so that no hue turns. White paper is 203
cd/m2, as ITU-R BT.2408 has it, and 1000 cd/m2 become the brightest white.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["HDR_TRANSFERS", "ToneMapper"]

HDR_TRANSFERS = ("pq", "hlg")

_Light = npt.NDArray[np.float32]
"""(3, pixels), linear; 1 is white paper. Channel by channel, for numpy is slow on rows of three."""

_CODES = 1 << 16
_STEPS = 1 << 14  # a step of a table is less than a level of the result
_BAND_PIXELS = 1 << 14  # worked on at once: they stay in the cache, and memory stays flat

_PAPER, _PEAK = 203.0, 1000.0
_BRIGHTEST = _PEAK / _PAPER
_KNEE = 0.7
"""Up to here, light stays as it is."""

_LUMINANCE = np.array([0.2627, 0.6780, 0.0593], np.float32)
_TO_BT709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]],
    np.float32,
)
_HLG_GAMMA = 1.2


class ToneMapper:
    """Maps pictures of one transfer curve, in BT.2020, to sRGB.

    Args:
        transfer: the curve of the coded values, one of `HDR_TRANSFERS`.
    """

    def __init__(self, transfer: str) -> None:
        codes = np.linspace(0, 1, _CODES)
        self._is_hlg = transfer == "hlg"
        self._light = (_hlg_scene(codes) if self._is_hlg else _pq(codes)).astype(np.float32)
        shares = np.linspace(0, 1, _STEPS) ** 2  # finer where it is dark
        self._screen = _hlg_gain(shares).astype(np.float32)
        brightest = shares * _BRIGHTEST
        self._gain = (_pressed(brightest) / np.maximum(brightest, 1e-9)).astype(np.float32)
        self._gain[0] = 1
        self._levels = np.rint(255 * _srgb(np.linspace(0, 1, _STEPS))).astype(np.uint8)

    def __call__(self, picture: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint8]:
        """Map a (height, width, 3) RGB uint16 picture, full range, to RGB uint8."""
        flat = picture.reshape(-1, 3)
        mapped = np.empty(flat.shape, np.uint8)
        for start in range(0, len(flat), _BAND_PIXELS):
            band = slice(start, start + _BAND_PIXELS)
            mapped[band] = self._mapped(self._light.take(flat[band].T, mode="clip")).T
        return mapped.reshape(picture.shape)

    def _mapped(self, light: _Light) -> npt.NDArray[np.uint8]:
        if self._is_hlg:
            light *= self._screen.take(_places(np.sqrt(_LUMINANCE @ light)), mode="clip")
        light = np.maximum(_TO_BT709 @ light, 0)
        strongest = np.minimum(light.max(axis=0), _BRIGHTEST)
        light *= self._gain.take(_places(np.sqrt(strongest / _BRIGHTEST)), mode="clip")
        return self._levels.take(_places(np.minimum(light, 1)), mode="clip")


def _places(values: _Light) -> npt.NDArray[np.intp]:
    """Return where in a table of `_STEPS` values from 0 to 1 lie."""
    return (values * np.float32(_STEPS - 1) + np.float32(0.5)).astype(np.intp)


def _pq(codes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the light of PQ's codes (BT.2100-2, table 4: the EOTF)."""
    m1, m2 = 2610 / 16384, 2523 / 4096 * 128
    c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    power = codes ** (1 / m2)
    light: npt.NDArray[Any] = (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)
    return 10_000 / _PAPER * light


def _hlg_scene(codes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the light of the scene, 0 to 1, of HLG's codes (BT.2100-2, table 5: inverse OETF)."""
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
    return np.where(codes <= 0.5, codes**2 / 3, (np.exp((codes - c) / a) + b) / 12)  # noqa: PLR2004


def _hlg_gain(luminance: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return what a screen of 1000 cd/m2 makes of the scene's light (BT.2100-2, table 5: OOTF)."""
    return _BRIGHTEST * luminance ** (_HLG_GAMMA - 1)


def _pressed(light: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Press what is brighter than the knee into what is left up to 1; smooth at both ends."""
    over = (light - _KNEE) / (1 - _KNEE)
    most = (_BRIGHTEST - _KNEE) / (1 - _KNEE)
    rolled = over * (1 + over / most**2) / (1 + np.maximum(over, 0))
    return np.where(light <= _KNEE, light, _KNEE + (1 - _KNEE) * rolled)


def _srgb(light: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the codes of light (IEC 61966-2-1)."""
    curved = 1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055
    return np.where(light <= 0.0031308, 12.92 * light, curved)  # noqa: PLR2004  as the standard
