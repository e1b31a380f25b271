"""A still is what a browser shows at its instant: Chromium is asked."""

import base64
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from threading import Thread
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from playwright.sync_api import Browser

import scrubjay
from scrubjay.engines.inline import InlineEngine

_SHOW = """async ([url, time]) => {
  const video = document.querySelector('video'), canvas = document.querySelector('canvas');
  if (video.src !== url) {
    video.src = url;
    await new Promise((done, fail) => { video.onloadeddata = done; video.onerror = fail; });
  }
  video.currentTime = time;
  await new Promise((done) => { video.onseeked = done; });
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext('2d').drawImage(video, 0, 0);
  return canvas.toDataURL('image/png');
}"""

_Show: TypeAlias = Callable[[Path, float], npt.NDArray[np.uint8]]

_SAME_DB = 34
"""Two pictures of one frame by two decoders' colour conversions, and a JPEG, are at least as near;
a neighbouring second of these films is 8 to 30 dB away."""

_LOOKS = 20
"""How often the browser seeks before its picture counts: a busy one may draw the one before."""


class _Ranges(BaseHTTPRequestHandler):
    """Serves one page, and one video by byte ranges."""

    def __init__(self, video: Path, *args: object) -> None:
        self._video = video
        super().__init__(*args)  # type: ignore[arg-type]

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer with the page, or with the part of the video that is asked for."""
        if self.path == "/":
            self._answer(200, b"<video muted></video><canvas></canvas>", "text/html")
            return
        data = self._video.read_bytes()
        first, _, last = self.headers.get("Range", "bytes=0-")[6:].partition("-")
        part = data[int(first) : int(last) + 1 if last else None]
        span = f"bytes {first}-{int(first) + len(part) - 1}/{len(data)}"
        self._answer(206, part, "video/mp4", span)

    def _answer(self, code: int, body: bytes, kind: str, span: str | None = None) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Accept-Ranges", "bytes")
        if span:
            self.send_header("Content-Range", span)
        self.end_headers()
        with suppress(BrokenPipeError, ConnectionResetError):  # it may have seen enough
            self.wfile.write(body)


@pytest.fixture
def shown(
    browser: Browser,
) -> Iterator[_Show]:
    """Ask the browser for its picture of a video at a time: (height, width, 3) RGB uint8."""
    page = browser.new_page()
    servers: dict[Path, ThreadingHTTPServer] = {}

    def shown(video: Path, time: float) -> npt.NDArray[np.uint8]:
        if video not in servers:
            servers[video] = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Ranges, video))
            Thread(target=servers[video].serve_forever, args=(0.01,), daemon=True).start()
            page.goto(f"http://127.0.0.1:{servers[video].server_port}/")
        picture = page.evaluate(_SHOW, [f"{page.url}video", time])
        data = base64.b64decode(picture.partition(",")[2])
        return np.asarray(Image.open(BytesIO(data)).convert("RGB"))

    yield shown
    page.close()
    for server in servers.values():
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    "name",
    [
        "real/film_720p24_120s.mp4",
        "real/camera_518x488_vfr.mp4",
        "odd/s_video_starts_late_5s.mkv",
        "odd/s_elst_cut_at_nonkey.mp4",
        "odd/s_audio_outlasts_video.mp4",
        "odd/s_rot90_sar.mp4",
        "odd/rot_and_reflect.mp4",
        "odd/s_anamorphic_4_3_1440x1080.mp4",
    ],
)
def test_a_still_is_what_the_browser_shows(
    media: Path,
    tmp_path: Path,
    name: str,
    shown: _Show,
) -> None:
    """Late starts, edit lists, turns and odd pixels: same time, same picture, same size."""
    video = media / name.replace("real/camera_518", "odd/camera_518")
    recipe = scrubjay.Recipe(animations=(), sheets=())
    manifest = scrubjay.make(video, tmp_path / "set", recipe=recipe, engine=InlineEngine())
    frames = manifest.frames
    for place in sorted({0, 1, len(frames) // 2, len(frames) - 1}):
        frame = frames[min(place, len(frames) - 1)]
        ours = np.asarray(Image.open(tmp_path / "set" / frame.key).convert("RGB"))
        for _ in range(_LOOKS):
            theirs = shown(video, frame.time + 0.0005)
            assert ours.shape == theirs.shape
            error = np.mean((ours.astype(float) - theirs.astype(float)) ** 2)
            if 10 * np.log10(255**2 / max(error, 1e-9)) > _SAME_DB:
                break
        else:
            raise AssertionError(name, frame.time)
