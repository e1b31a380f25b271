"""Pictures, when they are shown, and how near one is to another."""

from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt

__all__ = ["Frames", "psnr_db", "rgb", "seconds", "ssim"]

Frames = npt.NDArray[np.uint8]
"""(frames, height, width, 3) RGB uint8, or one of them: (height, width, 3)."""

_WINDOW = 7
_STEADY = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def seconds(frame: av.VideoFrame) -> Fraction:
    """Return when a frame is shown."""
    if frame.pts is None or frame.time_base is None:
        raise ValueError("a frame without a time")
    return frame.pts * frame.time_base


def rgb(frame: av.VideoFrame) -> Frames:
    """Return a frame as (height, width, 3) RGB uint8."""
    return frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)


def psnr_db(one: Frames, other: Frames) -> float:
    """Return the PSNR of a picture on RGB; without any error it is 68 dB."""
    error = float(np.mean((one.astype(np.int32) - other) ** 2))
    return float(10 * np.log10(255**2 / max(error, 0.01)))


def ssim(one: Frames, other: Frames) -> float:
    """Return the SSIM of a picture on RGB, in windows of 7 x 7 px that are all worth the same.

    Source: Wang et al., "Image quality assessment: from error visibility to structural similarity",
    2004; the windows and the sample covariance are those of scikit-image's defaults.
    """
    x, y = one.astype(np.float64), other.astype(np.float64)
    x_mean, y_mean = _means(x), _means(y)
    sample = _WINDOW**2 / (_WINDOW**2 - 1)
    x_var = sample * (_means(x * x) - x_mean**2)
    y_var = sample * (_means(y * y) - y_mean**2)
    both = sample * (_means(x * y) - x_mean * y_mean)
    c1, c2 = _STEADY
    alike = (2 * x_mean * y_mean + c1) * (2 * both + c2)
    return float(np.mean(alike / ((x_mean**2 + y_mean**2 + c1) * (x_var + y_var + c2))))


def _means(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the mean of each window of (height, width, 3) values."""
    sums = np.cumsum(np.cumsum(np.pad(values, ((1, 0), (1, 0), (0, 0))), axis=0), axis=1)
    side = _WINDOW
    inside = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    return np.asarray(inside / side**2)
