"""How near the pictures of the job `web` are to the film: PSNR and SSIM of clips and sheets.

Programs differ in which of the film's pictures they show at a time: ffmpeg's `fps` filter rounds.
So each picture is compared with the nearest one that the film shows within half an interval, scaled
by libswscale's Lanczos to 240 px. Both measures are on RGB, and means over the pictures of the
first minute: one a second of the clips, all cells of the sheets.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import mean
from typing import NamedTuple

import av
import numpy as np
import numpy.typing as npt
from bench.clips import FILM, HD, Clip
from bench.pictures import Frames, psnr_db, rgb, seconds, ssim
from PIL import Image

__all__ = ["RATED", "Quality", "qualities"]

RATED = (FILM, *HD)
"""Clips whose pictures are rated."""

_WIDTH, _COLUMNS, _ROWS = 240, 5, 3
_CLIP_S, _EACH_S, _CELL_S = 30, 1, 2
_CLIP_NEAR_S, _CELL_NEAR_S = 0.1, 1.05
"""How far from its time a picture of a clip and of a sheet may be in the film."""
_SLICES = 2
"""How many of the first clips and sheets are compared."""
_SPARE_S = 2
_OF_VIDEO = "overview"
"""The folder of the sheet of the whole video, which only one of the contestants makes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """How near the pictures of one kind are to the film, and how large their files are."""

    clip: str
    contestant: str
    kind: str
    """mp4 or webp."""
    pictures: int
    psnr_db: float
    ssim: float
    size_bytes: int


class _Shown(NamedTuple):
    time: float
    """When it is shown, in seconds of the video."""
    picture: Frames
    near_s: float
    """How far from its time it may be in the film."""


class _Film:
    """The first pictures of a video, 240 px wide, and when each is shown.

    An encoder may need an even height: it stretches the pictures, or adds a row, which is cut off.
    """

    def __init__(self, video: Path) -> None:
        """Decode a video."""
        times: list[float] = []
        self._pictures: dict[int, list[Frames]] = {}
        with av.open(video) as container:
            for frame in container.decode(container.streams.video[0]):
                time = float(seconds(frame))
                if times and time - times[0] > _SLICES * _CLIP_S + _SPARE_S:
                    break
                times.append(time)
                exact = round(frame.height * _WIDTH / frame.width)
                for height in {exact, exact + exact % 2}:
                    scaled = frame.reformat(_WIDTH, height, "rgb24", interpolation="LANCZOS")
                    self._pictures.setdefault(height, []).append(rgb(scaled))
        self._times: npt.NDArray[np.float64] = np.array(times) - times[0]

    def rated(self, shown: _Shown) -> tuple[float, float]:
        """Return the PSNR and the SSIM of a picture."""
        far = np.abs(self._times - shown.time)
        near = np.flatnonzero(far <= max(shown.near_s, far.min()))
        pairs = [
            (self._pictures[height][place], shown.picture[:height])
            for height in self._pictures
            if height <= len(shown.picture)
            for place in near
        ]
        best = max(pairs, key=lambda pair: psnr_db(*pair))
        return psnr_db(*best), ssim(*best)


def qualities(video: Clip, contestant: str, folder: Path) -> Iterator[Quality]:
    """Yield the quality of the MP4 clips and of the WebP sheets that a contestant wrote."""
    film = _film(video.path)
    for kind, read in (("mp4", _of_clips), ("webp", _of_sheets)):
        found = (path for path in folder.rglob(f"*.{kind}") if _OF_VIDEO not in path.parts)
        files = sorted(found, key=lambda path: int(path.stem))
        rated = [film.rated(shown) for shown in read(files[:_SLICES])]
        yield Quality(
            clip=video.name,
            contestant=contestant,
            kind=kind,
            pictures=len(rated),
            psnr_db=round(mean(psnr for psnr, _ in rated), 2),
            ssim=round(mean(likeness for _, likeness in rated), 4),
            size_bytes=sum(path.stat().st_size for path in files),
        )


@lru_cache(maxsize=1)
def _film(video: Path) -> _Film:
    return _Film(video)


def _of_clips(files: list[Path]) -> Iterator[_Shown]:
    """Yield a picture a second of clips of 30 s each."""
    for number, path in enumerate(files):
        with av.open(path) as container:
            start, due = None, 0.0
            for frame in container.decode(container.streams.video[0]):
                time = float(seconds(frame))
                start = time if start is None else start
                if time - start >= due - 0.001:
                    shown_at = number * _CLIP_S + time - start
                    yield _Shown(shown_at, rgb(frame), _CLIP_NEAR_S)
                    due += _EACH_S


def _of_sheets(files: list[Path]) -> Iterator[_Shown]:
    """Yield the cells of sheets that have a picture, one every two seconds."""
    for number, path in enumerate(files):
        with Image.open(path) as image:
            sheet = np.asarray(image.convert("RGB"))
        height = len(sheet) // _ROWS
        for cell in range(_COLUMNS * _ROWS):
            row, column = divmod(cell, _COLUMNS)
            left, top = column * _WIDTH, row * height
            picture = sheet[top : top + height, left : left + _WIDTH]
            time = float((number * _COLUMNS * _ROWS + cell) * _CELL_S)
            if picture.any():
                yield _Shown(time, picture, _CELL_NEAR_S)
