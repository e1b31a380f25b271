from collections.abc import Sequence
from fractions import Fraction
from io import BytesIO
from itertools import accumulate
from math import ceil

import av
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scrubjay.encode.gif.cells import CellTable
from scrubjay.encode.gif.encoding import delays_of, encode_gif
from scrubjay.encode.gif.packed import NOTHING, RgbPicture, pack, squares
from scrubjay.encode.gif.palette import build_palette
from scrubjay.encode.gif.stretches import plan_palettes

TENTH = Fraction(1, 10)


def blocks_of(gif: bytes) -> tuple[list[int], list[tuple[int, int, int, int]], bytes]:
    """Walk a GIF's blocks by the letter of the standard: delays, rectangles, application data."""
    assert gif[:6] == b"GIF89a"
    at = 13 + (3 << (gif[10] & 7) + 1 if gif[10] & 0x80 else 0)
    delays, rectangles, application = [], [], b""
    while gif[at] != 0x3B:
        if gif[at] == 0x21:
            label, body = gif[at + 1], at + 2
            if label == 0xF9:
                delays.append(int.from_bytes(gif[at + 4 : at + 6], "little"))
        else:
            x, y, width, height = (
                int.from_bytes(gif[at + i : at + i + 2], "little") for i in (1, 3, 5, 7)
            )
            rectangles.append((x, y, width, height))
            flags, label = gif[at + 9], 0
            body = at + 11 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
        while gif[body]:
            if label == 0xFF:
                application += gif[body + 1 : body + 1 + gif[body]]
            body += gif[body] + 1
        at = body + 1
    assert at == len(gif) - 1
    return delays, rectangles, application


def decoded(gif: bytes) -> list[RgbPicture]:
    """Decode with FFmpeg, which is told not to guess at delays."""
    with av.open(BytesIO(gif), "r", options={"min_delay": "0"}) as container:
        frames = (frame.to_ndarray(format="rgb24") for frame in container.decode(video=0))
        return [frame.astype(np.uint8, copy=False) for frame in frames]


def encode(pictures: Sequence[RgbPicture], step: Fraction = TENTH, **options: int) -> bytes:
    """Encode pictures that each last `step` seconds."""
    starts = [i * step for i in range(len(pictures))]
    return encode_gif(pictures, starts, len(pictures) * step, **options)


def panning(count: int, height: int = 54, width: int = 96, seed: int = 1) -> list[RgbPicture]:
    """Make pictures of a smooth, noisy scene that moves one pixel a picture."""
    noise = np.random.default_rng(seed)
    y, x = np.mgrid[:height, : width + count].astype(np.float64)
    channels = [np.sin(x / 9 + seed) + np.cos(y / 7), np.sin((x + y) / 13), np.cos(x / 31 - y / 5)]
    scene = np.stack(channels, axis=2) * 50 + 120 + noise.normal(0, 4, (height, width + count, 3))
    whole = scene.clip(0, 255).astype(np.uint8)
    return [np.ascontiguousarray(whole[:, i : i + width]) for i in range(count)]


def still_with_noise(count: int, levels: int) -> list[RgbPicture]:
    """Make pictures of a scene that does not move, each with a little noise of its own."""
    noise = np.random.default_rng(5)
    base = panning(1)[0].astype(np.int16)
    moved = (base + noise.integers(-levels, levels + 1, base.shape) for _ in range(count))
    return [picture.clip(0, 255).astype(np.uint8) for picture in moved]


def squared(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Return the squared error of each pixel, summed over its channels."""
    off = one.astype(np.int64) - other
    return np.asarray((off * off).sum(axis=-1), dtype=np.int64)


@pytest.mark.parametrize("count", [1, 2, 7, 41])
def test_every_picture_is_a_frame(count: int) -> None:
    """As many frames come out as pictures go in, moving or not."""
    moving = panning(count)
    assert len(decoded(encode(moving))) == count
    assert len(blocks_of(encode([moving[0]] * count))[0]) == count


def test_delays_never_drift() -> None:
    """Delays of 1/30 s are 3 or 4 hundredths and add up to the whole."""
    delays, _, _ = blocks_of(encode([panning(1)[0]] * 91, Fraction(1, 30)))
    assert set(delays) == {3, 4}
    assert sum(delays) == round(Fraction(91, 30) * 100)


@given(
    slice_start=st.fractions(0, 100_000),
    step=st.fractions(Fraction(1, 50), 2),
    length=st.fractions(Fraction(1, 1000), 5),
)
@example(slice_start=Fraction(0), step=TENTH, length=Fraction(12_005, 1000))
@example(slice_start=Fraction(90), step=TENTH, length=Fraction(30_114, 1000))
@example(slice_start=Fraction(120), step=TENTH, length=Fraction(114, 1000))
@example(slice_start=Fraction(0), step=Fraction(1, 50), length=Fraction(21, 1000))
def test_no_delay_is_so_short_that_browsers_replace_it(
    slice_start: Fraction, step: Fraction, length: Fraction
) -> None:
    """Wherever a slice ends, each delay is at least 2 hundredths, and their sum is its length."""
    starts = [slice_start + i * step for i in range(ceil(length / step))]
    delays = delays_of(starts, slice_start + length)
    assert len(delays) == len(starts)
    assert min(delays) >= 2
    assert sum(delays) == max(round(length * 100), 2 * len(starts))
    shown = list(accumulate(delays, initial=0))[:-1]
    away = [abs(at - 100 * i * step) for i, at in enumerate(shown)]
    assert max(away) <= 2.5, "a frame takes its time from its neighbour"


def test_delays_count_from_the_first_start() -> None:
    """A slice that starts late, at no whole hundredth, has the delays of one that starts at 0."""
    pictures, late = panning(5), Fraction(100003, 300)
    starts = [late + i * TENTH for i in range(5)]
    assert encode_gif(pictures, starts, late + 5 * TENTH) == encode(pictures)


def test_loops_for_ever() -> None:
    """The Netscape extension says: repeat without end."""
    assert blocks_of(encode(panning(2)))[2] == b"NETSCAPE2.0\x01\x00\x00"


@pytest.mark.parametrize("slack", [0, 9, 100])
def test_no_pixel_is_worse_than_the_bound(slack: int) -> None:
    """A shown pixel's squared error exceeds that of the palette's answer by `slack` at most."""
    pictures = [*panning(8), *still_with_noise(8, 3), *panning(8, seed=3)]
    stretches = plan_palettes(pictures, 255)
    shown = decoded(encode(pictures, slack=slack))
    for stretch in stretches:
        table = CellTable(stretch.palette, 255, 6)
        for i in range(stretch.start, stretch.stop):
            wide = pictures[i].astype(np.uint32)
            packed = wide[..., 0] | wide[..., 1] << 8 | wide[..., 2] << 16
            answer = (
                table.lookup(packed.reshape(-1).astype(np.uint32))
                .view(np.uint8)
                .reshape(-1, 4)[:, :3]
            )
            best = squared(pictures[i].reshape(-1, 3), answer)
            error = squared(pictures[i], shown[i]).reshape(-1)
            assert (error <= best + slack).all()


def test_noise_within_the_bound_costs_next_to_nothing() -> None:
    """A still scene with a level of noise is not redrawn, but for a pixel here and there."""
    pictures = still_with_noise(20, 1)
    _, rectangles, _ = blocks_of(encode(pictures, slack=200))
    assert rectangles[0][2:] == (96, 54)
    assert sum(width * height for *_, width, height in rectangles[1:]) < 19 * 96 * 54 / 50


def test_equal_pictures_cost_a_few_bytes() -> None:
    """A frame that shows nothing new takes less than 30 bytes, same object or not."""
    first = panning(1)[0]
    alone = len(encode([first]))
    assert len(encode([first] * 100)) - alone < 99 * 30
    assert len(encode([first, *[first.copy() for _ in range(99)]])) - alone < 99 * 30


def test_only_the_changed_rectangle_is_written() -> None:
    """A small change in a still picture costs a small frame at its place."""
    before = panning(1)[0]
    after = before.copy()
    after[10:14, 20:29] = 255 - after[10:14, 20:29]
    _, rectangles, _ = blocks_of(encode([before, after]))
    x, y, width, height = rectangles[1]
    assert x >= 20
    assert y >= 10
    assert x + width <= 29
    assert y + height <= 14


def test_scenes_have_their_own_palettes() -> None:
    """Two scenes of unlike colours both look as if each was alone."""
    day = [200 + p // 8 for p in panning(30)]
    night = [p // 4 for p in panning(30, seed=9)]
    errors = {
        name: np.mean([squared(a, b).mean() for a, b in zip(p, decoded(encode(p)), strict=True)])
        for name, p in {"both": [*day, *night], "day": day, "night": night}.items()
    }
    assert errors["both"] < 1.3 * (errors["day"] + errors["night"]) / 2 + 0.5


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 1), (3, 5), (17, 31), (161, 121), (1, 500)])
def test_any_size(size: tuple[int, int]) -> None:
    """Any size from a single pixel on is encoded, and looks like what went in."""
    pictures = panning(3, *size)
    for picture, shown in zip(pictures, decoded(encode(pictures)), strict=True):
        assert shown.shape == picture.shape
        assert np.abs(shown.astype(int) - picture).mean() < 6


@pytest.mark.parametrize("colors", [1, 2, 3, 16, 255])
def test_few_colours_are_exact(colors: int) -> None:
    """Pictures of no more colours than the palette may have come out as they went in."""
    table = np.random.default_rng(3).integers(0, 256, (colors, 3), dtype=np.uint8)
    places = np.random.default_rng(4).integers(0, colors, (6, 40, 60))
    pictures = [table[place] for place in places]
    for picture, shown in zip(pictures, decoded(encode(pictures, slack=0)), strict=True):
        assert np.array_equal(shown, picture)


def test_a_colour_that_no_sample_sees_is_shown() -> None:
    """A single red pixel that wanders over grey pictures is red in every frame."""
    pictures = [np.full((270, 480, 3), 90, dtype=np.uint8) for _ in range(30)]
    for i, picture in enumerate(pictures):
        picture[3 * i + 1, 7 * i + 2] = (250, 10, 20)
    for picture, shown in zip(pictures, decoded(encode(pictures)), strict=True):
        assert np.array_equal(shown, picture)


def test_same_input_same_bytes() -> None:
    """The bytes depend on the pixels alone, not on which arrays hold them."""
    pictures = panning(30)
    again = [picture.copy() for picture in pictures]
    assert encode(pictures) == encode(again)


def test_dither_keeps_the_mean_of_a_gradient() -> None:
    """Dither mixes neighbouring colours so that a smooth area keeps its mean level."""
    ramp = np.broadcast_to(np.linspace(100, 140, 160)[None, :, None], (64, 160, 3))
    picture = np.ascontiguousarray(ramp.astype(np.uint8))
    shown = decoded(encode([picture], colors=4, dither=12))[0]
    blocks = (shown.astype(float) - picture).reshape(8, 8, 20, 8, 3).mean(axis=(1, 3))
    flat = decoded(encode([picture], colors=4))[0]
    plain = (flat.astype(float) - picture).reshape(8, 8, 20, 8, 3).mean(axis=(1, 3))
    assert np.abs(blocks).mean() < np.abs(plain).mean()


def test_a_budget_is_kept() -> None:
    """With a budget the file is no larger, and nearly as good as the budget allows."""
    pictures = panning(30)
    free = encode(pictures)
    assert encode(pictures, max_bytes=len(free)) == free
    tight = encode(pictures, max_bytes=len(free) * 7 // 10)
    assert len(free) // 2 < len(tight) <= len(free) * 7 // 10
    assert len(decoded(tight)) == 30


def test_an_impossible_budget_gives_the_smallest() -> None:
    """Below the floor, the worst and smallest GIF comes back: larger than asked, but whole."""
    pictures = panning(10)
    smallest = encode(pictures, max_bytes=500)
    assert 500 < len(smallest) < len(encode(pictures))
    assert encode(pictures, max_bytes=len(smallest)) == smallest


def test_arguments_that_do_not_fit_are_refused() -> None:
    """No pictures, unlike sizes, times that run backwards and impossible palettes are refused."""
    picture = panning(1)[0]
    with pytest.raises(ValueError, match="0 pictures"):
        encode_gif([], [], Fraction(1))
    with pytest.raises(ValueError, match="start times"):
        encode_gif([picture], [], Fraction(1))
    with pytest.raises(ValueError, match="last"):
        encode_gif([picture, picture], [Fraction(1), Fraction(0)], Fraction(2))
    with pytest.raises(ValueError, match="colours"):
        encode([picture], colors=256)
    with pytest.raises(ValueError, match="size"):
        encode([picture, picture[:-1]])


def test_a_table_s_memory_is_handed_on_clean() -> None:
    """A table in the memory of another one answers as if it had got its own."""
    pixels = np.random.default_rng(7).integers(0, 1 << 24, 5000).astype(np.uint32)
    palettes = np.random.default_rng(8).integers(0, 256, (2, 200, 3), dtype=np.uint8)
    for bits in (6, 7, 8):
        used = CellTable(palettes[0], 200, bits)
        used.lookup(pixels)
        handed = CellTable(palettes[1], 200, bits, used)
        assert np.array_equal(
            handed.lookup(pixels), CellTable(palettes[1], 200, bits).lookup(pixels)
        )


def test_a_table_finds_the_nearest_colours() -> None:
    """With 8 bits every answer is exactly a nearest colour, repeated pixels or not."""
    noise = np.random.default_rng(9)
    palette = noise.integers(0, 256, (99, 3), dtype=np.uint8)
    pixels = noise.integers(0, 256, (3000, 3), dtype=np.uint8)[noise.integers(0, 3000, 9000)]
    packed = np.empty(len(pixels), dtype=np.uint32)
    pack(pixels[None], packed)
    found = CellTable(palette, 99, 8).lookup(packed).view(np.uint8).reshape(-1, 4)
    assert np.array_equal(palette[found[:, 3] - 1], found[:, :3])
    best = squared(pixels[:, None], palette[None]).min(axis=1)
    assert np.array_equal(squared(pixels, found[:, :3]), best)


def test_packed_squares_are_exact() -> None:
    """The squared distance of packed colours is that of their channels, up to black and white."""
    pixels = np.random.default_rng(2).integers(0, 256, (2, 4000, 3), dtype=np.uint8)
    pixels[:, 0] = [[0], [255]]
    packed = np.empty((2, 4000), dtype=np.uint32)
    for some, words in zip(pixels, packed, strict=True):
        pack(some[None], words)
    assert np.array_equal(squares(*packed), squared(*pixels))


def test_nothing_is_farther_than_any_colour() -> None:
    """What was never drawn is worse than black instead of white, whatever is wanted."""
    wanted = np.array([0, 0xFF, 0xFF0000, 0xFFFFFF], dtype=np.uint32)
    assert (squares(np.full(4, NOTHING), wanted) > 2 * 3 * 255**2).all()


def test_with_endless_slack_the_first_picture_stays() -> None:
    """A slack beyond all errors holds every pixel, once it is drawn."""
    pictures = panning(5)
    shown = decoded(encode(pictures, slack=1 << 40))
    assert all(np.array_equal(picture, shown[0]) for picture in shown)
    assert squared(pictures[0], shown[0]).mean() < 200


def test_pictures_that_change_little_keep_the_bound() -> None:
    """Where the colours of many pictures are looked up at once, none shows what comes later."""
    table = np.random.default_rng(6).integers(0, 256, (40, 3), dtype=np.uint8)
    places = np.random.default_rng(6).integers(0, 40, (40, 60))
    pictures: list[RgbPicture] = []
    for i in range(50):
        places[i % 7 : i % 7 + 2, i % 11 : i % 11 + 5] = i % 40  # the same places again and again
        pictures.append(table[places])
    for picture, shown in zip(pictures, decoded(encode(pictures, slack=0)), strict=True):
        assert np.array_equal(shown, picture)


def test_build_palette_ignores_the_order_of_pixels() -> None:
    """Sums are exact, so the palette is that of the set of pixels."""
    pixels = panning(1, 200, 300)[0].reshape(-1, 3)
    mixed = np.random.default_rng(0).permutation(pixels)
    assert np.array_equal(build_palette(pixels, 64), build_palette(mixed, 64))
