"""The HLS image playlist: a parser that is not ours finds the picture of each time."""

from fractions import Fraction
from math import ceil
from pathlib import Path

import m3u8
import pytest
from numbered import Made

import scrubjay
from scrubjay.engines.inline import InlineEngine
from scrubjay.model import Recipe, Sheet
from scrubjay.registry import SHEET_FORMATS
from scrubjay.sets.store import Store


def _found(made: Made, playlist: m3u8.M3U8, time: Fraction) -> int | None:
    """Return the number in the tile that a playlist has for a time; None in a gap."""
    start = Fraction(0)
    for segment, tiles in zip(playlist.segments, playlist.data["tiles"], strict=True):
        length = Fraction(str(segment.duration))
        if time < start + length:
            width, height = map(int, tiles["resolution"].split("x"))
            columns, rows = map(int, tiles["layout"].split("x"))
            place = (time - start) // Fraction(tiles["duration"])
            assert place < columns * rows
            row, column = divmod(place, columns)
            rectangle = (column * width, row * height, width, height)
            return None if segment.gap_tag else made.cell(segment.uri, *rectangle)
        start += length
    raise AssertionError(f"the playlist ends before {time}")


def test_each_time_has_its_picture(made: Made) -> None:
    """At the start, in the middle and at the end of every interval, the tile is that interval's."""
    playlist = m3u8.loads(made.store.get("images.m3u8").decode())
    for time in made.times():
        assert _found(made, playlist, time) == made.expected(time), float(time)


def test_the_playlist_is_a_whole_one(made: Made) -> None:
    """It lasts as long as the video, and no sheet longer than it announces."""
    playlist = m3u8.loads(made.store.get("images.m3u8").decode())
    assert playlist.is_images_only
    assert playlist.is_endlist
    lengths = [Fraction(str(segment.duration)) for segment in playlist.segments]
    assert sum(lengths) == made.plan.media.duration
    assert playlist.target_duration == max(map(ceil, lengths))


def test_the_lines_to_paste(made: Made) -> None:
    """They name the playlist, a thumbnail's size, and the bits that the largest sheet needs."""
    master = m3u8.loads(made.store.get("images.master.m3u8").decode())
    [variant] = master.image_playlists
    playlist = m3u8.loads(made.store.get(variant.uri).decode())
    size = made.plan.layouts[-1].size
    about = variant.image_stream_info
    assert about.resolution == (size.width, size.height)
    assert about.codecs == "jpeg"
    there = [each for each in playlist.segments if not each.gap_tag]
    largest = max(len(made.store.get(each.uri)) for each in there)
    longest = max(Fraction(str(each.duration)) for each in there)
    assert about.bandwidth == ceil(8 * largest / longest)


@pytest.mark.parametrize("name", [name for name in SHEET_FORMATS if name != "jpeg"])
def test_sheets_of_every_format(clips: dict[str, Path], name: str) -> None:
    """Playlist and tiles say what the sheets are, and find them."""
    recipe = Recipe(
        animations=(),
        frames=(),
        sheets=(Sheet(format=name, width=256, interval=Fraction(3)),),
        documents=("hls", "dash"),
    )
    store = Store.in_memory()
    made = scrubjay.make(clips["plain"], store, recipe=recipe, engine=InlineEngine())
    master = m3u8.loads(store.get("images.master.m3u8").decode())
    assert master.image_playlists[0].image_stream_info.codecs == name
    playlist = m3u8.loads(store.get("images.m3u8").decode())
    assert [each.uri for each in playlist.segments] == [sheet.key for sheet in made.sheets]
    tiles = store.get("thumbnails.xml").decode()
    assert f'mimeType="image/{name}"' in tiles
    assert f"/$Time%06d$.{name}" in tiles
