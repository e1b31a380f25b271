"""A site with a video, its set of previews and its streams, for the pages of players."""

import re
from pathlib import Path
from urllib.parse import quote

import av
from find_players import INSTALLED

__all__ = ["add_players", "add_shown", "add_streams"]

_SEGMENT_S = 5


def add_players(site: Path) -> None:
    """Put the players into a site: `/npm` and `/shown.js`."""
    (site / "npm").symlink_to(INSTALLED)
    add_shown(site)


def add_shown(site: Path) -> None:
    """Put what reads numbers off pictures into a site: `/shown.js`."""
    (site / "shown.js").symlink_to(Path(__file__).parent / "shown.js")


def add_streams(folder: Path) -> None:
    """Write streams of `film.mp4` with the documents of `set` pasted in.

    They are `film.mpd`; `film-numbered.mpd`, with the sheets of Jellyfin's folder by their number;
    `film.m3u8`, with the sheets; and `film-iframes.m3u8`, with packed stills.
    """
    options = {"hls_playlist": "1", "hls_master_name": "film.m3u8"}
    with (
        av.open(folder / "film.mp4") as film,
        av.open(
            folder / "film.mpd",
            "w",
            format="dash",
            options=options | {"seg_duration": str(_SEGMENT_S)},
        ) as streams,
    ):
        video = film.streams.video[0]
        copied = streams.add_stream_from_template(video)
        for packet in film.demux(video):
            if packet.dts is not None:
                packet.stream = copied
                streams.mux(packet)
    _paste_tiles(folder)
    _paste_playlist(folder, "iframes", "film-iframes.m3u8")
    _paste_playlist(folder, "images", "film.m3u8")


def _paste_tiles(folder: Path) -> None:
    """Paste the AdaptationSet of thumbnails into the MPD, which lies beside the set's folder."""
    path, tiles = folder / "film.mpd", (folder / "set" / "thumbnails.xml").read_text()
    film = path.read_text()

    def pasted(tiles: str) -> str:
        tiles = re.sub(r"(<AdaptationSet [^>]*>)", r"\1<BaseURL>set/</BaseURL>", tiles)
        return film.replace("</Period>", f"{tiles}</Period>")

    path.write_text(pasted(tiles))
    (folder / "film-numbered.mpd").write_text(pasted(_numbered(tiles, folder / "set")))


def _numbered(tiles: str, of_set: Path) -> str:
    """Rewrite an AdaptationSet: sheets by `$Number$`, all as long as the first one."""
    [sheets] = of_set.glob("jellyfin/*/*/")
    folder = quote(sheets.relative_to(of_set).as_posix())
    [length] = re.findall(r' d="([0-9]+)"', tiles)
    named = f' media="{folder}/$Number$.jpg" duration="{length}" startNumber="0"'
    tiles = re.sub(r' media="[^"]+"', named, tiles)
    return re.sub(r"<SegmentTimeline>.*</SegmentTimeline>", "", tiles, flags=re.DOTALL)


def _paste_playlist(folder: Path, name: str, pasted: str) -> None:
    """Append the lines of a playlist of pictures to the video's multivariant playlist."""
    lines = (folder / "set" / f"{name}.master.m3u8").read_text().replace('URI="', 'URI="set/')
    named = re.findall(r"^#EXT-X-I.*-STREAM-INF.*$", lines, re.MULTILINE)
    film = (folder / "film.m3u8").read_text()
    (folder / pasted).write_text("\n".join([film, *named, ""]))
