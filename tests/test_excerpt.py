"""One file of a video: an animation of a range, a frame, or a contact sheet."""

from collections.abc import Callable
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from msgspec.structs import replace
from PIL import Image
from range_server import RangeServer

import scrubjay
from scrubjay import Animation, InlineEngine, Recipe, Sheet, Still, Store
from scrubjay.errors import RecipeError, SourceDamagedError
from scrubjay.excerpt import CONTACT, FRAME, GIF, PLAIN, Time, file_formats

Number = Callable[[npt.NDArray[np.uint8]], int]

_HERE = InlineEngine()


def _pixels(data: bytes) -> npt.NDArray[np.uint8]:
    with Image.open(BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("name", file_formats("frames"))
def test_a_frame_is_what_a_player_shows(clip: Path, number_in: Number, name: str) -> None:
    """In every format, the frame at a time is the last one that begins at or before it."""
    made = scrubjay.frame(clip, at="0:07.49", still=replace(FRAME, format=name), engine=_HERE)
    assert number_in(_pixels(made.data)) == 179
    assert made.source_times == (Fraction(179, 24),)
    assert (made.width, made.height, made.pictures) == (320, 180, 1)
    assert made.media_type == file_formats("frames")[name].media_type


def test_a_frame_has_the_bytes_of_a_set(clip: Path) -> None:
    """A still of a set and a frame with the same options are the same file, from any process."""
    store = Store.in_memory()
    recipe = Recipe(animations=(), sheets=())
    manifest = scrubjay.make(clip, store, recipe=recipe, engine=_HERE)
    made = scrubjay.frame(clip, at=7, still=Still())
    assert made.data == store.get(manifest.frames[7].key)


@pytest.mark.parametrize("name", file_formats("animations"))
def test_every_animated_format_can_be_made(clip: Path, name: str) -> None:
    """A range of a video can be made in every format of the registry."""
    small = Animation(name="gif", format=name, width=64)
    made = scrubjay.gif(clip, start=2.25, end=2.75, animation=small, engine=_HERE)
    assert made.media_type == file_formats("animations")[name].media_type
    assert (made.start, made.end, made.pictures) == (Fraction(9, 4), Fraction(11, 4), 5)


def test_a_gif_shows_its_range(clip: Path, number_in: Number) -> None:
    """The pictures of a GIF are those of its range, from the first to before its end."""
    made = scrubjay.gif(clip, start="0:03", end=3.5, animation=replace(GIF, fps=8), engine=_HERE)
    with Image.open(BytesIO(made.data)) as image:
        shown = []
        for index in range(image.n_frames):  # type: ignore[attr-defined]
            image.seek(index)
            shown.append(number_in(np.asarray(image.convert("RGB"))))
    assert shown == [72, 75, 78, 81]


def test_a_budget_is_kept(busy_clip: Path) -> None:
    """An animation keeps within its byte budget."""
    free = replace(GIF, format="webp", width=160)
    sizes = [
        len(scrubjay.gif(busy_clip, end=1, animation=animation, engine=_HERE).data)
        for animation in (free, replace(free, max_bytes=60_000))
    ]
    assert sizes[0] > 60_000 >= sizes[1]


def test_a_contact_sheet_shows_exact_times(clip: Path, number_in: Number) -> None:
    """Each cell has the frame of its time; times are written in it, and a header is above."""
    grid = Sheet(name="sheet", columns=3, rows=2, width=160, quality=95)
    made = scrubjay.sheet(clip, start=3, end=9, sheet=grid, engine=_HERE)
    picture = _pixels(made.data)
    assert picture.shape == (made.height, made.width, 3)
    assert made.pictures == 6
    assert made.start == Fraction(7, 2)
    assert made.source_times == tuple(Fraction(7, 2) + k for k in range(6))
    gap, cell = 3, (90, 160)
    top = made.height - 2 * (cell[0] + gap)
    for k in range(6):
        row, column = divmod(k, 3)
        down, right = top + row * (cell[0] + gap), gap + column * (cell[1] + gap)
        shown = picture[down : down + cell[0], right : right + cell[1]]
        corner = shown[-16:, -40:].copy()
        assert corner.max() > 180, "no time is written"
        assert number_in(shown) & 0b011111111 == (84 + 24 * k) & 0b011111111
    assert picture[:top].max() > 180, "no header is written"
    plain = scrubjay.sheet(clip, start=3, end=9, sheet=grid, header=False, engine=_HERE)
    assert plain.height == 2 * (cell[0] + gap) + gap


@pytest.mark.parametrize(
    ("start", "end", "sheet", "times"),
    [
        (0, 12, replace(CONTACT, columns=2, rows=2), [1.5, 4.5, 7.5, 10.5]),
        (0, 1, replace(CONTACT, columns=2, rows=1), [0.25, 0.75]),
        (1, 11, replace(CONTACT, rows=0, interval=Fraction(4)), [1, 5, 9]),
        (0, 0.05, CONTACT, [0.025]),
    ],
)
def test_times_of_a_contact_sheet(
    clip: Path, start: float, end: float, sheet: Sheet, times: list[float]
) -> None:
    """Pictures are spread over the range, or an interval apart, never closer than a tenth."""
    small = replace(sheet, width=32)
    made = scrubjay.sheet(clip, start=start, end=end, sheet=small, engine=_HERE)
    shown = [Fraction(int(Fraction(time) * 24), 24) for time in times]
    assert list(made.source_times) == shown


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        (12, None, "clip.mp4 lasts 0:12, so it has no picture at 0:12"),
        (0, "1:00", "clip.mp4 lasts 0:12, so no range of it ends at 1:00; leave the end out"),
        (5, 3, "the range ends at 0:03, but begins at 0:05"),
        (5, 5, "the range ends at 0:05, but begins at 0:05"),
        (-1, None, "-1 is before the start of the video"),
        ("5s", None, "'5s' is not a time such as 62"),
    ],
)
def test_a_wrong_range_is_refused(clip: Path, start: Time, end: Time | None, message: str) -> None:
    """A range that is not in the video is refused in one sentence."""
    with pytest.raises(RecipeError) as caught:
        scrubjay.gif(clip, start=start, end=end, engine=_HERE)
    assert str(caught.value).startswith(message)


def test_what_is_no_file_of_its_own_is_refused(clip: Path) -> None:
    """Packed stills are of no use outside a set."""
    with pytest.raises(RecipeError, match="mjpg is only for sets"):
        scrubjay.frame(clip, at=1, still=Still(format="mjpg"), engine=_HERE)


def test_too_long_a_range_says_what_to_do(clip: Path) -> None:
    """Memory is checked before anything is rendered, in words that fit a range."""
    huge = replace(GIF, width=320, fps=Fraction(50))
    limits = scrubjay.Limits(memory_limit=64)
    with pytest.raises(RecipeError, match=r"pictures of a range .* use a shorter range"):
        scrubjay.gif(clip, animation=huge, engine=InlineEngine(limits=limits))


def test_a_damaged_place_says_where(media: Path) -> None:
    """Where nothing can be decoded, the error has the time in the film, and no slice's number."""
    video = media / "bad" / "garbage_after_30pct.mp4"
    with pytest.raises(SourceDamagedError) as caught:
        scrubjay.frame(video, at=6, engine=_HERE)
    assert "from 0:06 to 0:07" in str(caught.value)
    assert "slice" not in str(caught.value)


def test_few_requests_are_sent(media: Path) -> None:
    """A frame of a film on a server takes five requests at most, and is the same frame."""
    folder, name = media / "real", "film_1080p24_30s.mp4"  # its index is at its end
    here = scrubjay.frame(folder / name, at=19, engine=_HERE)
    with RangeServer(folder) as server:
        assert scrubjay.frame(f"{server.url}/{name}", at=19).data == here.data
        assert len(server.requests) <= 5
        server.forget()
        server.does.drops, server.does.drop_after = 2, 100_000
        assert scrubjay.frame(f"{server.url}/{name}", at=19).data == here.data
        server.forget()
        server.does.errors = [503]
        assert scrubjay.frame(f"{server.url}/{name}", at=19).data == here.data


def test_defaults_are_one_file_each() -> None:
    """What is made by default is no part of a set, and its recipe is the classic one's."""
    assert Recipe() == PLAIN
    for default in (GIF, FRAME, CONTACT):
        assert default.per == "slice"
        assert default.format in file_formats(default.kind)
