"""Which players show a set, and how: the page docs/players.md. Tests run every snippet of it."""

import json
from pathlib import Path
from typing import Any, Literal, NamedTuple

__all__ = ["PLAYERS", "SNIPPETS", "Player", "players_page", "results", "snippet_of", "write_result"]

SNIPPETS = Path(__file__).parent / "snippets"
"""The folder with a page for each player."""

_RESULTS = SNIPPETS / "results.json"
"""What the tests found when they were last asked to write it down."""


class Player(NamedTuple):
    """A player, one format that it reads, and where a page of it shows its previews.

    `bar` and `picture` are ways to elements as `shown.js` finds them.
    """

    name: str
    format: str
    """The document, or what else it reads."""
    packages: tuple[str, ...]
    """Those that a site needs."""
    bar: str | None
    """What stands for the whole video; None where the snippet has a function `showAt(time)`."""
    picture: str
    inset_px: int = 0
    """How far from its ends the bar's first and last moments are."""
    has_whole_seconds: bool = False
    """Whether the bar rounds the time under the mouse, and says so."""
    cuts_times: bool = False
    """Whether it cuts times down to whole seconds, so that intervals have to be whole."""
    gap: Literal["nothing", "hides", "last", "before", "filled"] = "nothing"
    """What it shows where the set has a gap.

    Nothing; nothing, and nothing more until the mouse has left the bar; nothing, but after the last
    picture that one; the picture before, but after the last one whatever it showed; or the picture
    before, always.
    """
    blind_s: int = 0
    """How many seconds at the end it has no pictures of: it shows the one before them."""
    note: str = ""
    """What a site should know; the reason why a picture is not right, if one is not."""

    @property
    def format_text(self) -> str:
        """What it reads, for people."""
        return _FORMATS[self.format]

    @property
    def id(self) -> str:
        """The name of its page."""
        return f"{self.name.lower().replace(' ', '-').replace('.', '')}-{self.format}"


_FORMATS = {
    "webvtt": "`storyboard.vtt`",
    "sprite": "sheets, by `manifest.json`",
    "dash": "`thumbnails.xml` in an MPD",
    "hls": "`images.m3u8` in HLS",
    "mjpg": "`iframes.m3u8` in HLS",
    "bif": "`index.bif`",
}
"""What players read."""

_SETS = ("whole", "gaps")
"""The kinds of sets in the results."""
_SHAKA = ("shaka-player",)
_SHAKA_BAR = (".shaka-seek-bar", ".shaka-player-ui-thumbnail-image", 6)
_VIDEOJS = "video.js"
_ROUNDED = "Its bar rounds the time under the mouse to whole seconds."
_FILLED = "Over a gap, the file has the picture before."
_AFTER = "After a gap at the end it keeps the last picture."

PLAYERS = (
    Player(
        "Video.js", "webvtt", (_VIDEOJS, "videojs-vtt-thumbnails"),
        ".vjs-progress-control", ".vjs-vtt-thumbnail-display",
        cuts_times=True, gap="hides",
        note="It cuts times down to whole seconds: choose an interval of whole seconds. Over a gap "
        "it hides its pictures until the mouse has left the bar.",
    ),
    Player(
        "Video.js", "sprite", (_VIDEOJS, "videojs-sprite-thumbnails"),
        ".vjs-progress-holder", ".vjs-mouse-display .vjs-time-tooltip",
    ),
    Player(
        "media-chrome", "webvtt", ("media-chrome",),
        "media-time-range >>> #range", "media-time-range >>> media-preview-thumbnail >>> img",
        gap="last",
        note=f"{_AFTER} A move within half a second changes nothing.",
    ),
    Player(
        "mux-player", "webvtt", ("@mux/mux-player",),
        "mux-player >>> media-theme >>> media-time-range >>> #range",
        "mux-player >>> media-theme >>> media-preview-thumbnail >>> img",
        gap="last",
        note=f"{_AFTER} A move within half a second changes nothing.",
    ),
    Player(
        "Vidstack", "webvtt", ("vidstack",),
        "media-time-slider", "media-slider-thumbnail img",
        note="The address of the track must be absolute.",
    ),
    Player(
        "Plyr", "webvtt", ("plyr",),
        ".plyr__progress", ".plyr__preview-thumb img:last-of-type",
        blind_s=1,
        note="In the last second it shows the time and the picture of one second before the end.",
    ),
    Player(
        "ArtPlayer", "webvtt", ("artplayer", "artplayer-plugin-vtt-thumbnail"),
        ".art-control-progress", ".art-control-vtt-thumbnail",
        cuts_times=True,
        note="It cuts times down to whole seconds: choose an interval of whole seconds.",
    ),
    Player(
        "Shaka", "webvtt", _SHAKA, *_SHAKA_BAR, has_whole_seconds=True, gap="before",
        note=f"The address of the track must be absolute. {_ROUNDED} Over a gap it keeps the "
        "picture before.",
    ),
    Player("Shaka", "dash", _SHAKA, *_SHAKA_BAR, has_whole_seconds=True, note=_ROUNDED),
    Player("Shaka", "hls", _SHAKA, *_SHAKA_BAR, has_whole_seconds=True, note=_ROUNDED),
    Player("dash.js", "dash", ("dashjs",), None, "#preview"),
    Player("rx-player", "dash", ("rx-player",), None, "#preview canvas"),
    Player(
        "Shaka", "mjpg", _SHAKA, *_SHAKA_BAR, has_whole_seconds=True, gap="filled",
        note=f"{_ROUNDED} {_FILLED}",
    ),
    Player(
        "hls.js", "mjpg", ("hls.js",), None, "#preview", gap="filled",
        note=f"From version 1.7. {_FILLED} Without `maxFragLookUpTolerance: 0`, a time up to a "
        "quarter of a second before a picture shows that one.",
    ),
    Player(
        "rx-player", "bif", ("rx-player",), None, "#preview", gap="filled",
        note=_FILLED,
    ),
)  # fmt: skip


def snippet_of(player: Player) -> str:
    """Return what a site needs in its page, beside a set in the folder `set`."""
    return (SNIPPETS / f"{player.id}.html").read_text("utf-8").rstrip()


def results() -> dict[str, dict[str, Any]]:
    """Return what the tests found of each player, by id.

    That is its `version`, and `right` of `tried` for sets that are `whole` and for one with `gaps`.
    """
    found: dict[str, dict[str, Any]] = json.loads(_RESULTS.read_bytes())
    return found


def write_result(player: Player, found: dict[str, Any]) -> None:
    """Write down what the tests found of a player."""
    all_found = results() | {player.id: found}
    ordered = {each.id: all_found[each.id] for each in PLAYERS if each.id in all_found}
    _RESULTS.write_text(json.dumps(ordered, indent=2) + "\n", "utf-8")


_ABOUT = """\
These players show the previews of a set on their own seek bars. Tests drive each of them in
Chromium, in the versions named here: they move the mouse along the bar, or call the page's
function, and read the number of the picture that comes up. They do so at fifteen times each of four
videos: a film, one whose last sheet is not full, one of a variable rate, and one whose set has
gaps. Intervals are one and two seconds; half a second for the variable rate, unless the player cuts
times down to whole seconds.

The set with gaps lacks a third of its slices, as a run leaves it that is not complete. In a gap, no
picture is the right answer; players that are not right there show the picture before it.

The code of each player is the page that the tests open. `set/` is the set, `film.mp4` the video,
and `/npm/` is where the packages are. Importing a bare name needs a bundler, or an import map.
[Documents](documents.md) says how `film.mpd` and `film.m3u8` get the set's pictures.
"""


def players_page(note: str) -> str:
    """Write the page about players."""
    found = results()
    rows = []
    for player in PLAYERS:
        result = found[player.id]
        link = f"[{player.name}](#{_anchor(player)})"
        cells = [link, player.format_text, result["version"]]
        cells += [f"{result[kind]['right']} of {result[kind]['tried']}" for kind in _SETS]
        rows.append(f"| {' | '.join(cells)} |")
    lines = [f"# Players\n\n{note}\n\n{_ABOUT}"]
    lines += ["| player | reads | version | right | in the set with gaps |"]
    lines += ["|---|---|---|---|---|", *rows, ""]
    for player in PLAYERS:
        lines += [f"## {_title(player)}\n", *([f"{player.note}\n"] if player.note else [])]
        lines += [f"```html\n{snippet_of(player)}\n```\n"]
    return "\n".join(lines)


def _title(player: Player) -> str:
    return f"{player.name}, {player.format_text}"


def _anchor(player: Player) -> str:
    """Return the anchor that GitHub gives to the title."""
    kept = (char for char in _title(player).lower() if char.isalnum() or char in " -_")
    return "".join(kept).replace(" ", "-")
