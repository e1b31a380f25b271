"""From HDR colours to those of an ordinary screen.

Phones record in HLG, films are mastered in PQ, both in BT.2020's wide colours. Shown like ordinary
video, such pictures look grey. Here they are converted to light (ITU-R BT.2100-2, tables 4 and 5)
and mapped to an ordinary screen by the curve that Chromium uses: SMPTE ST 2094-50's reference white
tone mapping operator. White paper, 203 cd/m2 in ITU-R BT.2408, becomes half of the screen's light,
and brighter values, up to the video's peak, are compressed into the other half. All three channels
are multiplied by the same factor, from the strongest of them, so that no hue changes.
"""

from functools import cache

import numpy as np
import numpy.typing as npt

from scrubjay.media.gamut import srgb_codes, to_primaries

__all__ = ["ToneMapper", "tone_mapper"]

_Light = npt.NDArray[np.float32]
"""(3, pixels), linear; 1 is white paper. By channel, because numpy is slow on rows of three."""

_Curve = npt.NDArray[np.float64]

_CODES = 1 << 16
_STEPS = 1 << 14  # a step of a table is less than a level of the result
_BAND_PIXELS = 1 << 14  # worked on at once: they stay in the cache, and memory stays flat

_PAPER, _USUAL_PEAK = 203.0, 1000.0
_PAPER_ON_SCREEN = 0.5
_KAPPA = 0.65
"""How sharply the curve bends, as in the operator's definition."""

_LEAST_PEAK = 1 / _PAPER_ON_SCREEN
"""A peak this low, in paper whites, needs no compression."""

_LUMINANCE = np.array([0.2627, 0.6780, 0.0593], np.float32)
_HLG_GAMMA = 1.2


class ToneMapper:
    """Maps pictures of one transfer curve to sRGB.

    Args:
        curve: of the coded values: `pq` or `hlg`.
        primaries: of the coded values; usually BT.2020's.
        peak: the peak brightness of PQ in this video, in cd/m2; 0 if unknown. HLG has no peak of
            its own: it is shown as on a screen of 1000 cd/m2.
    """

    def __init__(self, curve: str, primaries: str = "bt2020", peak: int = 0) -> None:
        self._is_hlg = curve == "hlg"
        codes = np.linspace(0, 1, _CODES)
        self._light = (_hlg_scene(codes) if self._is_hlg else _pq(codes)).astype(np.float32)
        is_wide = primaries == "bt2020"
        self._widen = None if is_wide else to_primaries(primaries, "bt2020").astype(np.float32)
        brightest = _USUAL_PEAK if self._is_hlg or not peak else float(peak)
        self._brightest = np.float32(max(brightest / _PAPER, _LEAST_PEAK))
        shares = np.linspace(0, 1, _STEPS) ** 2  # finer where it is dark
        self._screen = _hlg_gain(shares).astype(np.float32)
        strongest = shares * float(self._brightest)
        self._gain = (_pressed(strongest) / np.maximum(strongest, 1e-9)).astype(np.float32)
        self._gain[0] = _PAPER_ON_SCREEN
        self._to_screen = to_primaries("bt2020", "bt709").astype(np.float32)
        self._levels = srgb_codes(_STEPS)

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
        if self._widen is not None:
            light = np.maximum(self._widen @ light, 0)
        strongest = np.minimum(light.max(axis=0), self._brightest)
        light *= self._gain.take(_places(np.sqrt(strongest / self._brightest)), mode="clip")
        light = np.clip(self._to_screen @ light, 0, 1)
        return self._levels.take(_places(light), mode="clip")


@cache
def tone_mapper(curve: str, primaries: str, peak: int) -> ToneMapper:
    """Return the mapper of a transfer curve; its tables are computed once."""
    return ToneMapper(curve, primaries, peak)


def _places(values: _Light) -> npt.NDArray[np.intp]:
    """Return the positions of values from 0 to 1 in a table of `_STEPS`."""
    return (values * np.float32(_STEPS - 1) + np.float32(0.5)).astype(np.intp)


def _pq(codes: _Curve) -> _Curve:
    """Return the light of PQ's codes (BT.2100-2, table 4: the EOTF)."""
    m1, m2 = 2610 / 16384, 2523 / 4096 * 128
    c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    power = codes ** (1 / m2)
    light: _Curve = (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)
    return 10_000 / _PAPER * light


def _hlg_scene(codes: _Curve) -> _Curve:
    """Return the light of the scene, 0 to 1, of HLG's codes (BT.2100-2, table 5: inverse OETF)."""
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
    return np.where(codes <= 0.5, codes**2 / 3, (np.exp((codes - c) / a) + b) / 12)  # noqa: PLR2004


def _hlg_gain(luminance: _Curve) -> _Curve:
    """Return a 1000 cd/m2 screen's gain for the scene's light (BT.2100-2, table 5: OOTF)."""
    gain: _Curve = _USUAL_PEAK / _PAPER * luminance ** (_HLG_GAMMA - 1)
    return gain


def _pressed(light: _Curve) -> _Curve:
    """Return the screen's light for a video's: linear up to white paper, then compressed up to 1.

    Args:
        light: rising, up to the peak: 1 is white paper.
    """
    paper, peak = _PAPER_ON_SCREEN, light[-1]
    middle = (1 - _KAPPA) + _KAPPA / paper, (1 - _KAPPA) * paper + _KAPPA
    along = np.linspace(0, 1, _STEPS)
    bent, height = (
        (1 - along) ** 2 * start + 2 * along * (1 - along) * via + along**2 * end
        for start, via, end in zip((1, paper), middle, (peak, 1), strict=True)
    )
    return np.where(light <= 1, paper * light, np.interp(light, bent, height))
