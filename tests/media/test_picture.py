"""From a frame to a picture: upright, in its shape, in its colours."""

import gc
from fractions import Fraction
from pathlib import Path

import av
import msgspec
import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace

from scrubjay.encode.mp4 import Encoder
from scrubjay.media.decoders import VideoDecoder
from scrubjay.media.picture import Painter, RgbPicture
from scrubjay.media.probe import probe_media
from scrubjay.model import Animation, MediaInfo, Size
from scrubjay.places.place import Place
from scrubjay.slices.reading import open_frames
from scrubjay.timing import Target


def _painted(path: Path, time: Fraction, width: int) -> tuple[RgbPicture, MediaInfo]:
    media = probe_media(Place.of(path))[1]
    size = Size(width=width, height=max(1, round(width * media.height / media.width)))
    with open_frames(media, Place.of(path), VideoDecoder) as reader:
        reader.start([Target(None, time, None)])
        (shown,) = reader.until(time + 1)
        return Painter(media, size).paint(shown.frame), media


def _psnr(one: RgbPicture, other: RgbPicture) -> float:
    error = np.mean((one.astype(float) - other.astype(float)) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def test_a_turned_video_is_painted_upright(media: Path) -> None:
    """The film with a display matrix is the film turned by 90 degrees counter-clockwise."""
    turned, _ = _painted(media / "odd/s_rot90_sar.mp4", Fraction(1), 135)
    plain, _ = _painted(media / "odd/s_anamorphic_4_3_1440x1080.mp4", Fraction(1), 240)
    assert turned.shape == (240, 135, 3)
    assert _psnr(turned, np.rot90(plain, 1)) > 35


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
@pytest.mark.parametrize("mirrored", [False, True])
def test_all_eight_orientations(tmp_path: Path, turns: int, *, mirrored: bool) -> None:
    """A picture is mirrored first and turned clockwise then."""
    coded = np.zeros((32, 64, 3), np.uint8)
    coded[:16, :32, 0] = 255
    coded[:16, 32:, 1] = 255
    coded[16:, :32, 2] = 255
    cosine, sine = ((1, 0), (0, 1), (-1, 0), (0, -1))[turns]
    across = -1 if mirrored else 1
    one = 1 << 16
    matrix = [across * cosine, across * sine, 0, -sine, cosine, 0, 0, 0, 1 << 14]
    path = tmp_path / "turned.mov"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("png", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 32, "rgb24"
        stream.set_display_matrix([value * one for value in matrix])
        container.mux(stream.encode(av.VideoFrame.from_ndarray(coded, format="rgb24")))
        container.mux(stream.encode(None))
    painted, media = _painted(path, Fraction(0), 32 if turns % 2 else 64)
    expected = np.ascontiguousarray(np.rot90(coded[:, ::-1] if mirrored else coded, -turns))
    assert (media.width, media.height) == (expected.shape[1], expected.shape[0])
    assert _psnr(painted, expected) > 40


@pytest.fixture
def planned_media(media: Path) -> MediaInfo:
    """What some video is, to be altered."""
    return probe_media(Place.of(media / "real/globe_30s.mp4"))[1]


def _solid(
    yuv: tuple[float, ...], size: tuple[int, int] = (64, 64), pixels: str = "yuv420p"
) -> av.VideoFrame:
    """Return a frame of one colour, given as 8-bit codes."""
    frame = av.VideoFrame(*size, pixels)
    deep = "10le" in pixels
    for plane, level in zip(frame.planes, yuv, strict=True):
        code = min(255, round(level)) << 2 if deep else min(255, round(level))
        dtype = np.uint16 if deep else np.uint8
        plane.update(np.full(plane.buffer_size // np.dtype(dtype).itemsize, code, dtype).tobytes())
    return frame


@pytest.mark.parametrize(("matrix", "tag"), [("bt709", 1), ("bt601", 5), ("bt2020", 9)])
@pytest.mark.parametrize("full", [False, True])
def test_colours_follow_a_frames_own_matrix_and_range(
    planned_media: MediaInfo, matrix: str, tag: int, *, full: bool
) -> None:
    """Pure colours come out as themselves, whatever matrix and range they were coded with."""
    kr, kb = {"bt709": (0.2126, 0.0722), "bt601": (0.299, 0.114), "bt2020": (0.2627, 0.0593)}[
        matrix
    ]
    painter = Painter(planned_media, Size(width=64, height=64))
    for colour in [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (128, 64, 200)]:
        red, green, blue = (value / 255 for value in colour)
        luma = kr * red + (1 - kr - kb) * green + kb * blue
        chroma = ((blue - luma) / (2 - 2 * kb), (red - luma) / (2 - 2 * kr))
        y = luma * 255 if full else 16 + 219 * luma
        u, v = (128 + value * (255 if full else 224) for value in chroma)
        frame = _solid((y, u, v))
        frame.colorspace, frame.color_range = tag, 2 if full else 1
        frame.color_primaries = 1
        picture = painter.paint(frame)
        assert np.abs(picture.mean(axis=(0, 1)) - colour).max() < 3.5


@pytest.mark.parametrize(("width", "height"), [(240, 135), (240, 136), (161, 91)])
def test_planar_pictures_are_those_of_rgb(media: Path, width: int, height: int) -> None:
    """Painted in luma and chroma, a picture is as if it had been painted in RGB and converted."""
    path = media / "real" / "film_720p24_120s.mp4"
    info, encoder = probe_media(Place.of(path))[1], Encoder(Animation(format="mp4"))
    painter = Painter(info, Size(width=width, height=height))
    times = [Fraction(k) for k in range(3, 12, 3)]
    with open_frames(info, Place.of(path), VideoDecoder, is_sparse=True) as reader:
        reader.start(Target(time - 1, time, time + 1) for time in times)
        for shown in reader.until(Fraction(12)):
            planar = painter.paint_planar(shown.frame)
            assert planar is not None
            like = encoder.prepared(painter.paint(shown.frame))
            tall, wide = height + height % 2, width + width % 2
            assert planar.shape == (tall * 3 // 2, wide)
            frame = VideoFrame.from_ndarray(like, format="rgb24").reformat(
                format="yuv420p",
                dst_colorspace=Colorspace.ITU709,
                dst_color_range=ColorRange.MPEG,
            )
            differences = planar.astype(int) - frame.to_ndarray()
            luma, chroma = differences[:height], differences[tall:]
            assert abs(luma.mean()) < 0.5  # on the way through RGB, some is lost
            assert np.abs(luma).mean() < 0.6
            assert abs(chroma.mean()) < 0.5
            assert np.abs(chroma).mean() < 1.5


@pytest.mark.parametrize(("width", "height"), [(64, 64), (63, 31)])
def test_a_solid_planar_picture_keeps_its_codes(
    planned_media: MediaInfo, width: int, height: int
) -> None:
    """Nothing is rounded on the way through RGB, and no edge differs."""
    info = msgspec.structs.replace(planned_media, width=width, height=height)
    frame = _solid((81, 90, 210), (8 * width, 8 * height))
    frame.colorspace, frame.color_range = 1, 1
    planar = Painter(info, Size(width=width, height=height)).paint_planar(frame)
    assert planar is not None
    tall, wide = height + height % 2, width + width % 2
    luma, blue, red = np.split(planar.reshape(-1), [tall * wide, tall * wide * 5 // 4])
    assert [set(each.tolist()) for each in (luma, blue, red)] == [{81}, {90}, {210}]


@pytest.mark.parametrize(
    ("matrix", "level_range", "primaries", "size"),
    [(6, 1, 1, 400), (1, 2, 1, 400), (1, 1, 9, 400), (1, 1, 1, 100)],
)
def test_other_colours_are_not_painted_planar(
    planned_media: MediaInfo, matrix: int, level_range: int, primaries: int, size: int
) -> None:
    """BT.601, the full range and wide primaries need RGB; so does a frame of nearly that size."""
    painter = Painter(planned_media, Size(width=64, height=64))
    frame = _solid((81, 90, 210), (size, size))
    frame.colorspace, frame.color_range = matrix, level_range
    frame.color_primaries = primaries
    assert painter.paint_planar(frame) is None


@pytest.mark.parametrize("pixels", ["yuv420p", "yuv444p", "yuv420p10le"])
@pytest.mark.parametrize("size", [(64, 64), (160, 160), (256, 256), (400, 400)])
def test_white_and_grey_are_exact(
    planned_media: MediaInfo, pixels: str, size: tuple[int, int]
) -> None:
    """White is 255 and grey is as light as browsers show it, scaled or not."""
    painter = Painter(planned_media, Size(width=64, height=64))
    for code, level in ((235, 255), (188, 200), (126, 128), (16, 0)):
        picture = painter.paint(_solid((code, 128, 128), size, pixels)).astype(int)
        assert np.abs(picture - level).max() <= 1


@pytest.mark.parametrize(
    ("primaries", "curve", "expected"),
    [
        (12, 13, (218, 0, 26)),  # Display P3
        (9, 14, (249, 0, 27)),  # BT.2020
        (5, 6, (204, 40, 40)),  # BT.470BG
        (1, 1, (200, 40, 40)),
        (6, 6, (200, 40, 40)),
    ],
)
def test_wide_colours_become_those_of_the_screen(
    planned_media: MediaInfo, primaries: int, curve: int, expected: tuple[int, int, int]
) -> None:
    """What has wide primaries is more colourful on a screen than its numbers are."""
    frame = _solid((79.6, 111.9, 198.3))  # (200, 40, 40) in BT.709
    frame.colorspace, frame.color_range = 1, 1
    frame.color_primaries, frame.color_trc = primaries, curve
    picture = Painter(planned_media, Size(width=64, height=64)).paint(frame)
    assert np.abs(picture.mean(axis=(0, 1)) - expected).max() < 3


def test_display_p3_is_shown_in_the_screens_red(media: Path) -> None:
    """A red of Display P3, which sRGB can just show, is not pale."""
    picture, found = _painted(media / "reports/11_display_p3_sdr.mp4", Fraction(1), 320)
    assert found.color_primaries == "display-p3"
    assert np.abs(picture[96, 20].astype(int) - (218, 0, 29)).max() < 4


@pytest.mark.parametrize(
    ("name", "colour"),
    [("05_matrix_changes.ts", (40, 200, 40)), ("05_range_changes.ts", (200, 40, 40))],
)
def test_colours_that_change_midway(media: Path, name: str, colour: tuple[int, int, int]) -> None:
    """A patch of one colour stays so from the first picture to the last, each by its own tags."""
    column = 20 if colour[0] == 200 else 64
    for time in (Fraction(1, 2), Fraction(7, 2)):
        picture, _ = _painted(media / "reports" / name, time, 320)
        assert np.abs(picture[96, column].astype(int) - colour).max() < 4


def test_no_picture_depends_on_those_before(planned_media: MediaInfo) -> None:
    """A frame is painted to the same bytes first, last, or between frames of other kinds."""
    random = np.random.default_rng(1)
    frames = []
    for number in range(24):
        coded = [(64, 64), (320, 180), (300, 300)][number % 3]
        frame = _solid((100 + 5 * number, 90, 160), coded, ["yuv420p", "yuv444p"][number % 2])
        frame.planes[0].update(random.bytes(frame.planes[0].buffer_size))
        frame.colorspace, frame.color_range = (1, 5, 9, 2)[number % 4], number % 3
        frame.color_primaries, frame.color_trc = (
            (1, 9, 12)[number // 2 % 3],
            (1, 13, 16)[number % 3],
        )
        frames.append(frame)
    size = Size(width=64, height=36)
    alone = [Painter(planned_media, size).paint(frame) for frame in frames]
    painter = Painter(planned_media, size)
    order = [*range(24), *reversed(range(24))]
    assert all((painter.paint(frames[index]) == alone[index]).all() for index in order)


def test_a_painted_frame_is_freed_at_once(planned_media: MediaInfo) -> None:
    """Nothing keeps a frame until Python looks for garbage: a slice would hold hundreds."""
    painter = Painter(planned_media, Size(width=32, height=32))
    gc.collect()
    gc.disable()
    try:
        before = _frames()  # those that other tests keep
        painter.paint(_solid((100, 90, 160)))
        assert _frames() == before
    finally:
        gc.enable()


def _frames() -> int:
    return sum(isinstance(each, av.VideoFrame) for each in gc.get_objects())


def test_another_shape_lies_between_bars(planned_media: MediaInfo) -> None:
    """A frame of another shape keeps it: bars in the background's colour fill what is left."""
    media = msgspec.structs.replace(planned_media, sample_aspect_ratio=Fraction(1))
    size = Size(width=160, height=90)
    painter = Painter(media, size, background="#204060")
    tall = painter.paint(_solid((235, 128, 128), (90, 160)))
    bright = (tall > 250).all(axis=2)
    assert (bright.sum(axis=1) == 51).all()  # 90 x 90 / 160 px wide, and whole columns
    assert (tall[:, :50] == (0x20, 0x40, 0x60)).all()
    assert (tall[:, 110:] == (0x20, 0x40, 0x60)).all()
    wide = painter.paint(_solid((235, 128, 128), (320, 90)))
    assert ((wide > 250).all(axis=2).sum(axis=0) == 45).all()
    assert (painter.paint(_solid((235, 128, 128), (640, 360))) > 250).all()


@pytest.mark.parametrize(("background", "expected"), [("#000000", 0), ("#ff8000", None)])
def test_transparent_pictures_show_the_background(
    planned_media: MediaInfo, background: str, expected: int | None
) -> None:
    """Half of a picture is white, half transparent, with colours that must not be seen."""
    layers = np.zeros((64, 128, 4), np.uint8)
    layers[:, :64] = 255
    layers[:, 64:, 1] = 200
    frame = av.VideoFrame.from_ndarray(layers, format="rgba")
    painter = Painter(planned_media, Size(width=32, height=16), background=background)
    picture = painter.paint(frame)
    behind = (0xFF, 0x80, 0) if expected is None else (expected,) * 3
    assert np.abs(picture[:, :12].astype(int) - 255).max() <= 1
    assert np.abs(picture[:, 20:].astype(int) - behind).max() <= 2


def test_a_tiny_and_an_odd_video_are_painted(media: Path) -> None:
    """One pixel is a picture, and odd sizes keep their last column."""
    assert _painted(media / "odd/size_1x1.mp4", Fraction(2), 1)[0].shape == (1, 1, 3)
    assert _painted(media / "odd/s_odd_427x241_444.mp4", Fraction(1), 428)[0].shape[1] == 428


def test_a_wide_palette_video_is_painted(planned_media: MediaInfo) -> None:
    """A format that libswscale reads but cannot write, at many times the size, is painted."""
    frame = av.VideoFrame(1280, 720, "pal8")
    frame.planes[0].update(bytes(frame.planes[0].buffer_size))
    frame.planes[1].update(b"\x20\x40\x80\xff" * 256)  # blue, green, red
    picture = Painter(planned_media, Size(width=240, height=135)).paint(frame)
    assert picture.shape == (135, 240, 3)
    assert np.abs(picture.mean(axis=(0, 1)) - (0x80, 0x40, 0x20)).max() < 4
