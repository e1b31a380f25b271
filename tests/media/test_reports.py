"""Kinds of files that people reported: small files whose pictures carry their number."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import pytest
from av import VideoFrame

from scrubjay.media.decoders import VideoDecoder
from scrubjay.media.frames import Shown
from scrubjay.media.probe import probe_media
from scrubjay.places.place import Place
from scrubjay.slices.reading import open_frames
from scrubjay.timing import Target


def _luma(frame: VideoFrame) -> npt.NDArray[np.uint8]:
    return cast("npt.NDArray[np.uint8]", frame.to_ndarray(format="gray"))


def _strip(frame: VideoFrame) -> int:
    """Read 16 squares over the upper half of a picture, bright is 1, the least bit at the left."""
    luma = _luma(frame)
    height, width = luma.shape
    rows = luma[round(0.12 * height) : round(0.38 * height)]
    side = width / 16
    means = [rows[:, round((k + 0.3) * side) : round((k + 0.7) * side)].mean() for k in range(16)]
    return sum(int(mean > 127) << k for k, mean in enumerate(means))


def _blocks(frame: VideoFrame) -> int:
    """Read 16 blocks in the top eighth of a picture, white is 1, the highest bit at the left."""
    luma = _luma(frame)
    height, width = luma.shape
    row = luma[height // 16]
    return sum(int(row[(2 * k + 1) * width // 32] > 128) << (15 - k) for k in range(16))


def _fields(frame: VideoFrame) -> int:
    """Read the number of both fields, which must agree, from the upper macroblock row."""
    luma = _luma(frame)[:16]
    numbers = {
        sum(int(row[16 * k + 8] > 127) << k for k in range(luma.shape[1] // 16))
        for row in (luma[4::2].mean(axis=0), luma[5::2].mean(axis=0))
    }
    assert len(numbers) == 1
    return numbers.pop()


def _shown(
    path: Path, step: Fraction, slice_length: Fraction, *, is_sparse: bool = False
) -> list[Shown[VideoFrame]]:
    """Read a video slice by slice, every second slice with a jump."""
    media = probe_media(Place.of(path))[1]
    first = Fraction(1, 100)
    times = [first + k * step for k in range(int((media.duration - first) / step) + 1)]
    times = [time for time in times if time < media.duration]
    padded = [None, *times, None]
    targets = [
        Target(before, time, after)
        for before, time, after in zip(padded, padded[1:], padded[2:], strict=False)
        if time is not None
    ]
    shown: list[Shown[VideoFrame]] = []
    with open_frames(media, Place.of(path), VideoDecoder, is_sparse=is_sparse) as reader:
        for number in range(int(media.duration / slice_length) + 1):
            if number % 2 == 0:
                reader.start(each for each in targets if each.time >= number * slice_length)
            shown += reader.until((number + 1) * slice_length)
    assert [each.time for each in shown] == times
    return shown


@pytest.mark.parametrize(
    ("name", "number_of", "rate", "duration"),
    [
        ("01_no_ctts_bpyramid.mp4", _blocks, 25, 12.0),
        ("02_h264_bframes.avi", _blocks, 25, 12.0),
        ("06_raw.h264", _blocks, 25, 12.0),
        ("12_mpeg1_es.m1v", _blocks, 25, 12.0),
        ("12_mpeg4_es_bframes.m4v", _blocks, 25, 12.0),
        ("h264_bframes.avi", _strip, 25, 10.0),
        ("five_in_a_pes.ts", _strip, 25, 10.0),
        ("raw.264", _strip, 25, 5.0),
        ("raw.m4v", _strip, 25, 5.0),
        ("flash.swf", _strip, 25, 3.0),
        ("pal8.avi", _strip, 10, 4.0),
        ("cut.mxf", _strip, 25, 11.16),
        ("paff_fields.mp4", _fields, 25, 4.0),
    ],
)
def test_the_picture_at_t_is_number_rate_times_t(
    media: Path, name: str, number_of: Callable[[VideoFrame], int], rate: int, duration: float
) -> None:
    """However it is read, the picture at t is number floor(rate t), and starts at its own time."""
    path = media / "reports" / name
    assert float(probe_media(Place.of(path))[1].duration) == pytest.approx(duration, abs=0.001)
    for step, length, is_sparse in ((3, 20, False), (7, 13, False), (13, 10, True)):
        for each in _shown(path, Fraction(step, 10), Fraction(length, 10), is_sparse=is_sparse):
            number = int(each.time * rate)
            assert (each.time, number_of(each.frame)) == (each.time, number)
            assert abs(each.source_time - Fraction(number, rate)) < Fraction(1, 500)


def test_a_clock_that_jumps_back_is_stitched(media: Path) -> None:
    """A transport stream whose clock is set back by 5,000 s lasts as long as its pictures."""
    path = media / "reports" / "clock_back.ts"
    found = probe_media(Place.of(path))[1]
    assert found.duration == Fraction(4)
    assert (found.is_stitched, found.seeks) == (True, False)
    numbers = [_strip(each.frame) for each in _shown(path, Fraction(1, 5), Fraction(1))]
    assert numbers == sorted(set(numbers))
    assert len(numbers) == 20


def test_other_programmes_set_no_origin(media: Path) -> None:
    """Of a transport stream with two programmes, the video's own clock is the seek bar's."""
    found = probe_media(Place.of(media / "reports" / "two_programmes.ts"))[1]
    assert 5 <= found.duration <= Fraction(61, 10)
    assert found.first_picture < Fraction(1, 10)


@pytest.mark.parametrize(("name", "count"), [("mjpeg_exif.avi", 20), ("07_two_view_vps.mp4", 1)])
def test_side_data_without_a_name_is_passed_over(media: Path, name: str, count: int) -> None:
    """Side data that PyAV has no name for costs no picture."""
    path = media / "reports" / name
    shown = _shown(path, Fraction(1, 5), Fraction(2))
    assert len({each.source_time for each in shown}) >= count


def test_streams_that_appear_late_cost_no_picture(media: Path) -> None:
    """A SWF whose best stream PyAV does not list gives its pictures to the end."""
    path = media / "reports" / "index_error_best_stream.swf"
    assert len(_shown(path, Fraction(1, 2), Fraction(1))) == 9


def test_avi_pictures_take_the_times_of_its_packets(media: Path) -> None:
    """Xvid with B-frames: pictures in the order of output, the first at 0, each at a packet's."""
    path = media / "odd" / "s_xvid_mp3.avi"
    whole = _shown(path, Fraction(1, 24), Fraction(20))
    parts = _shown(path, Fraction(1, 24), Fraction(3, 2))
    assert [each.source_time for each in parts] == [each.source_time for each in whole]
    assert [_luma(each.frame).tobytes() for each in parts] == [
        _luma(each.frame).tobytes() for each in whole
    ]
    assert whole[0].source_time == Fraction(0)
