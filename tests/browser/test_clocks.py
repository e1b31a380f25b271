"""Whatever clock a video is on, the preview at a place of the bar is what the player shows there.

Every picture of these videos carries its number. The bar is clicked, and the number on the video
is compared with the number on the still that the bar promises there.
"""

import base64
from collections.abc import Callable
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from shutil import copy
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from clips import FPS, number_of, write_clip
from find_players import INSTALLED
from PIL import Image
from site_of import Site
from tabs import FirefoxTab, Tab

import scrubjay
from scrubjay.engines.inline import InlineEngine

_RECIPE = scrubjay.Recipe(animations=(), sheets=())

_SITE = """<!doctype html><meta charset="utf-8"><title>A site</title>
<link rel="icon" href="data:,">
<script type="module" src="scrubjay-preview.js"></script>
<style>body { margin: 0 } video { display: block; width: 512px; height: 288px }</style>
<video id="film" muted preload="auto" SOURCE></video>
<div style="width: 1200px">
<scrubjay-preview for="film" show="frame" manifest="set/manifest.json"></scrubjay-preview>
</div>"""

_PLAY = {
    "": "",
    "hls": """<script type="module">
      import Hls from './hls.mjs';
      const player = new Hls();
      player.loadSource('film.m3u8');
      player.attachMedia(document.querySelector('video'));
    </script>""",
    "mpegts": """<script src="mpegts.js"></script><script>
      const player = mpegts.createPlayer({ type: 'mse', url: new URL('film.ts', location).href });
      player.attachMediaElement(document.querySelector('video'));
      player.load();
    </script>""",
}

_LEARNED = """async (isMeasured) => {
  const video = document.querySelector('video');
  const bar = document.querySelector('scrubjay-preview');
  const isReady = () => bar.state === 'ready' && video.readyState >= 1;
  const holds = () => isReady() && bar.measured >= isMeasured;
  // On a busy machine the first picture may be shown before the module is there, and not again for
  // a seek to where it stands: then durations decide, and what is shown later proves them right.
  for (let n = 0; n < 1000 && !holds(); n++) await new Promise((done) => setTimeout(done, 20));
  if (!isReady()) return false;
  // A stream's duration grows while mpegts.js reads it, and a place of the bar stands for another
  // time then: wait until all of it is there, or nothing has come for a second.
  const loaded = () => (video.buffered.length ? video.buffered.end(video.buffered.length - 1) : 0);
  const length = () => video.duration - 0.1;
  for (let n = 0, idle = 0, before = [0, 0]; n < 1000 && idle < 50; n++) {
    const now = [loaded(), video.duration];
    if (now[0] >= length() && idle >= 10) break;
    idle = now.join() === before.join() ? idle + 1 : 0;
    before = now;
    await new Promise((done) => setTimeout(done, 20));
  }
  return true;
}"""

_BAR = """() => {
  const bar = document.querySelector('scrubjay-preview');
  const { left, top, width, height } = bar.getBoundingClientRect();
  const { start, duration, offset } = bar;
  return { left, top, width, height, start, duration, offset };
}"""

_SHOWN = """async (time) => {
  const video = document.querySelector('video');
  const bar = document.querySelector('scrubjay-preview');
  const pause = () => new Promise((done) => setTimeout(done, 20));
  const isThere = () => Math.abs(video.currentTime - bar.offset - time) < 0.04;
  for (let n = 0; n < 500 && !(isThere() && !video.seeking); n++) await pause();
  const canvas = document.createElement('canvas');
  const pen = canvas.getContext('2d', { willReadFrequently: true });
  [canvas.width, canvas.height] = [512, 288];
  let number = 0, before = -1;
  // below the number there are waves: where all is dark, nothing is drawn yet
  const waves = () => pen.getImageData(0, 200, 512, 1).data;
  const isBlank = () => waves().every((each, k) => k % 4 || each < 40);
  for (let n = 0; n < 500 && (number !== before || isBlank()); n++) {
    for (let k = 0; k < 4; k++) await pause();
    before = number;
    pen.drawImage(video, 0, 0, 512, 288);
    number = 0;
    for (let k = 0; k < 16; k++) {
      if (pen.getImageData(16 + 32 * k, 16, 1, 1).data[0] > 127) number += 2 ** k;
    }
  }
  return { number, at: video.currentTime - bar.offset, bar: bar.currentTime };
}"""


class _Bar(NamedTuple):
    """Where a bar is, and what it is on."""

    left: float
    top: float
    width: float
    height: float
    start: float
    duration: float
    offset: float

    def place(self, time: float) -> tuple[int, float, float]:
        """The pixel nearest to a time: x, y, and the time that it stands for."""
        length = self.duration - self.start
        x = round(self.left + (time - self.start) / length * self.width)
        return x, self.top + self.height / 2, self.start + (x - self.left) / self.width * length


_CLIPS: dict[str, dict[str, Any]] = {
    "plain.mp4": {},
    "late.mp4": {"pictures_at": 5},
    "late, sound first.mp4": {"pictures_at": 5, "sound_at": 0},
    "both late.mp4": {"pictures_at": 37, "sound_at": 37},
    "sound late.mp4": {"sound_at": 3},
    "no edit list.mp4": {"options": {"use_editlist": "0"}},
    "fragmented.mp4": {
        "options": {"movflags": "frag_keyframe+empty_moov+default_base_moof"},
    },
    "late.mkv": {"pictures_at": 5},
    "late, sound first.mkv": {"pictures_at": 5, "sound_at": 0},
    "both late.mkv": {"pictures_at": 37, "sound_at": 37},
    "late.webm": {"pictures_at": 5},
    "late, sound first.webm": {"pictures_at": 5, "sound_at": 0},
    "both late.webm": {"pictures_at": 37, "sound_at": 37},
    "plain.ts": {"sound_at": 0},
    "late, sound first.ts": {"pictures_at": 5, "sound_at": 0},
    "both late.ts": {"pictures_at": 37, "sound_at": 37},
}
_KEPT = [name for name in _CLIPS if not name.endswith(".ts")]
_STREAMS = [(name, player) for name in _CLIPS if name.endswith(".ts") for player in _PLAY if player]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Make a clip and its set, once: the folder of a site with `set/` and `film` in it."""
    folders: dict[str, Path] = {}

    def made(name: str) -> Path:
        if name not in folders:
            folder = folders[name] = tmp_path_factory.mktemp("site")
            video = folder / f"film{Path(name).suffix}"
            write_clip(video, **_CLIPS[name])
            _add_set(folder, video.name)
        return folders[name]

    return made


def _add_set(folder: Path, video: str) -> None:
    """Make the set of a video beside it, and put the element's module there."""
    scrubjay.make(folder / video, folder / "set", recipe=_RECIPE, engine=InlineEngine())
    module = files("scrubjay") / "web" / "scrubjay-preview.js"
    (folder / "scrubjay-preview.js").write_text(module.read_text("utf-8"), "utf-8")


def _write_site(folder: Path, video: str, player: str) -> None:
    if player == "hls":
        length = scrubjay.probe(folder / video, engine=InlineEngine()).duration
        (folder / "film.m3u8").write_text(
            "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:60\n#EXT-X-PLAYLIST-TYPE:VOD\n"
            f"#EXTINF:{float(length):.3f},\n{video}\n#EXT-X-ENDLIST\n"
        )
    if player:
        if not INSTALLED.is_dir():
            pytest.skip("no players: run tests/players/find_players.py where npm has its registry")
        script = "hls.js/dist/hls.mjs" if player == "hls" else "mpegts.js/dist/mpegts.js"
        copy(INSTALLED / script, folder)
    source = "" if player else f'src="{video}"'
    (folder / "site.html").write_text(_SITE.replace("SOURCE", source) + _PLAY[player])


def _check(
    tab: Tab,
    folder: Path,
    *,
    misses: int = 0,
    tail: float = 1 / FPS,
    is_measured: bool = True,
) -> _Bar:
    """Click at stills all over the bar: the player shows what they show."""
    bar = _learned(tab, is_measured=is_measured)
    frames = tab.run("() => document.querySelector('scrubjay-preview').manifest.frames")
    first, last = bar.start + 1 / FPS, bar.duration - tail
    usable = [frame for frame in frames if first <= frame["source_time"] and frame["time"] <= last]
    assert len(usable) > 4
    wrong = []
    for frame in (usable[-1], usable[1], usable[len(usable) // 2], usable[-2], usable[0]):
        begins, ends = max(frame["time"], frame["source_time"]), frame["source_time"] + 1 / FPS
        bar = _Bar(**tab.run(_BAR))
        x, y, time = bar.place((begins + ends) / 2)
        tab.point(x, y, press=True)
        shown = tab.run(_SHOWN, time)
        promised = tab.run("(t) => document.querySelector('scrubjay-preview').frameAt(t).key", time)
        with Image.open(folder / "set" / promised) as still:
            number = number_of(np.asarray(still.convert("RGB")))
        if abs(shown["number"] - number) > misses:
            wrong.append((time, number, shown))
        assert shown["bar"] == pytest.approx(time, abs=0.05)
    assert wrong == [], bar
    return bar


def _learned(tab: Tab, *, is_measured: bool) -> _Bar:
    """Return what the bar has learned of the player; reload a page whose video does not come."""
    for _ in range(3):
        if tab.run(_LEARNED, is_measured):
            return _Bar(**tab.run(_BAR))
        tab.open(tab.run("() => location.href"))
    raise AssertionError("the page shows no picture")


@pytest.mark.parametrize("name", _KEPT)
def test_a_file_on_any_clock(
    name: str, tab: Tab, made: Callable[[str], Path], serving: Callable[[Path], Site]
) -> None:
    """MP4, Matroska and WebM, wherever their pictures and sound begin."""
    # After a seek, Firefox shows H.264 in Matroska some pictures early until it plays on.
    misses = 4 if isinstance(tab, FirefoxTab) and name.endswith(".mkv") else 0
    folder = made(name)
    _write_site(folder, f"film{Path(name).suffix}", "")
    tab.open(f"{serving(folder).url}site.html")
    _check(tab, folder, misses=misses)


@pytest.mark.parametrize(("name", "player"), _STREAMS)
def test_a_stream_on_any_clock(
    name: str, player: str, tab: Tab, made: Callable[[str], Path], serving: Callable[[Path], Site]
) -> None:
    """MPEG-TS through hls.js and mpegts.js."""
    folder = made(name)
    _write_site(folder, "film.ts", player)
    tab.open(f"{serving(folder).url}site.html")
    # hls.js has nothing to show at the start of this one, and Chromium waits for more at the end
    is_measured = (name, player) != ("late, sound first.ts", "hls")
    _check(tab, folder, tail=0.2, is_measured=is_measured)


_REPORTED: dict[str, dict[str, float]] = {
    "reports/03_empty_edit_5s.mp4": {"chromium": 5, "firefox": 0},
    "reports/03_no_edit_list_bframes.mp4": {"chromium": 0.08, "firefox": 0},
    "odd/elst_positive_shift.mp4": {"chromium": 0, "firefox": -0.935},
    "odd/s_start_offset_37s.mp4": {"chromium": 37.5, "firefox": -0.089},
    "odd/s_video_starts_late_5s.mkv": {"chromium": 0, "firefox": 0},
}
"""The offset that each browser gives these files; Firefox misreads the empty edit of the third."""

_LOOKS = 40
"""How often the browser's picture is read before it counts: a busy one may show the one before."""

_ARRIVED = """async (time) => {
  const video = document.querySelector('video');
  const bar = document.querySelector('scrubjay-preview');
  const isThere = () => Math.abs(video.currentTime - bar.offset - time) < 0.04;
  for (let n = 0; n < 500 && !(isThere() && !video.seeking); n++) {
    await new Promise((done) => setTimeout(done, 20));
  }
}"""

_PICTURE = """async () => {
  const video = document.querySelector('video');
  for (let n = 0; n < 10; n++) await new Promise((done) => setTimeout(done, 20));
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  canvas.getContext('2d').drawImage(video, 0, 0);
  return canvas.toDataURL('image/png');
}"""


def _small(picture: BytesIO | Path) -> npt.NDArray[np.float32]:
    with Image.open(picture) as image:
        return np.asarray(image.convert("RGB").resize((160, 90)), np.float32)


@pytest.mark.parametrize("name", _REPORTED)
def test_reported_clocks(
    name: str, tab: Tab, media: Path, tmp_path: Path, serving: Callable[[Path], Site]
) -> None:
    """The files of reports: each browser's own offset is found, and pictures agree all along."""
    video = f"film{Path(name).suffix}"
    copy(media / name, tmp_path / video)
    _add_set(tmp_path, video)
    _write_site(tmp_path, video, "")
    tab.open(f"{serving(tmp_path).url}site.html")
    bar = _learned(tab, is_measured=True)
    browser = "firefox" if isinstance(tab, FirefoxTab) else "chromium"
    assert bar.offset == pytest.approx(_REPORTED[name][browser], abs=0.002)
    frames = tab.run("() => document.querySelector('scrubjay-preview').manifest.frames")
    stills = {item["key"]: _small(tmp_path / "set" / item["key"]) for item in frames}
    for part in (0.93, 0.31, 0.62):
        x, y, time = bar.place(bar.start + part * (bar.duration - bar.start))
        still = tab.run("(t) => document.querySelector('scrubjay-preview').frameAt(t)", time)
        x, y, time = bar.place(max(still["time"], still["source_time"]) + 0.012)
        tab.point(x, y, press=True)
        tab.run(_ARRIVED, time)
        for _ in range(_LOOKS):
            data = base64.b64decode(tab.run(_PICTURE).partition(",")[2])
            shown = _small(BytesIO(data))
            far = {key: float(np.abs(shown - one).mean()) for key, one in stills.items()}
            if far[still["key"]] < min(far.values()) + 2:
                break
        else:
            raise AssertionError(name, time)


def test_a_late_listener(
    tab: Tab, made: Callable[[str], Path], serving: Callable[[Path], Site]
) -> None:
    """An element that comes when the first picture has long been shown learns the clock too."""
    folder = made("late.mp4")
    _write_site(folder, "film.mp4", "")
    path = folder / "site.html"
    element = path.read_text().partition("<scrubjay-preview")[2].partition("</scrubjay-preview>")[0]
    whole = f"<scrubjay-preview{element}</scrubjay-preview>"
    path.write_text(path.read_text().replace(whole, '<div id="place"></div>'))
    tab.open(f"{serving(folder).url}site.html")
    tab.run(
        """async (html) => {
          const video = document.querySelector('video');
          while (video.readyState < 3) await new Promise((done) => setTimeout(done, 20));
          for (let n = 0; n < 10; n++) await new Promise((done) => requestAnimationFrame(done));
          document.querySelector('#place').innerHTML = html;
        }""",
        whole,
    )
    _check(tab, folder)


def test_a_page_that_resumes(
    tab: Tab, made: Callable[[str], Path], serving: Callable[[Path], Site]
) -> None:
    """A page that goes elsewhere before the first picture was seen does not mislead the element."""
    folder = made("both late.webm")
    _write_site(folder, "film.webm", "")
    path = folder / "site.html"
    begin = 37 if not isinstance(tab, FirefoxTab) else 0
    script = f"<script>document.querySelector('video').currentTime = {begin} + 6</script>"
    path.write_text(path.read_text() + script)
    tab.open(f"{serving(folder).url}site.html")
    bar = _check(tab, folder, is_measured=False)
    assert bar.offset == pytest.approx(begin, abs=0.03)
