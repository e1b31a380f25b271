"""Chromium plays animations: the right picture at each time, of the right length, for ever."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import pytest
from clips import write_clip
from numbered import Made, is_kept, kept_before, make_set
from playersite import add_shown
from playwright.sync_api import Browser, Page
from site_of import served

from scrubjay.model import Animation, AnimationEntry, Recipe
from scrubjay.registry import ANIMATION_FORMATS

_FPS = 10
_VIDEOS = [name for name, each in ANIMATION_FORMATS.items() if "video" in each.media_type]
_IMAGES = [name for name in ANIMATION_FORMATS if name not in _VIDEOS]

_DECODE = """async ([url, type]) => {
  const { numberOf } = await import('/shown.js');
  const decoder = new ImageDecoder({ data: (await fetch(url)).body, type });
  await decoder.tracks.ready;
  await decoder.completed;
  const { frameCount, repetitionCount } = decoder.tracks.selectedTrack;
  const frames = [];
  for (let frameIndex = 0; frameIndex < frameCount; frameIndex++) {
    const { image } = await decoder.decode({ frameIndex });
    const { displayWidth: width, displayHeight: height, timestamp, duration } = image;
    frames.push([timestamp, duration, numberOf({ image, x: 0, y: 0, width, height })]);
    image.close();
  }
  return { isEndless: repetitionCount === Infinity, frames };
}"""
"""Every picture of an image's only track: when it begins, how long it lasts, in us; its number."""

_SEEK = """async ([url, count, fps]) => {
  const { numberOf } = await import('/shown.js');
  const video = document.createElement('video');
  Object.assign(video, { muted: true, loop: true, preload: 'auto', src: url });
  document.body.append(video);
  await new Promise((done) => { video.onloadeddata = done; });
  const found = [];
  for (let step = 0; step < count; step++) {
    const isShown = new Promise((done) => {
      video.requestVideoFrameCallback((_, each) => done(each));
    });
    video.currentTime = (step + 0.5) / fps;
    const { mediaTime, width, height } = await isShown;
    found.push([mediaTime, numberOf({ image: video, x: 0, y: 0, width, height })]);
  }
  const isAgain = new Promise((done) => {
    let last = 0;
    video.ontimeupdate = () => { if (video.currentTime < last) done(); last = video.currentTime; };
  });
  await video.play();
  await isAgain;
  const { duration } = video;
  video.remove();
  return { duration, frames: found };
}"""
"""The picture in the middle of each step while a video rests: its time and number. Then it plays
until it begins again. While it plays, a busy machine may draw a later picture than it says."""


class Shown(NamedTuple):
    """A page of a site, and the set that lies in the site's folder `set`."""

    page: Page
    made: Made

    def animations(self, name: str) -> list[tuple[str, AnimationEntry]]:
        """Return the animations of a format, and the address of each."""
        listed = [each for each in self.made.manifest.animations if each.output == name]
        return [(f"/set/{each.key}", each) for each in listed]


@pytest.fixture(scope="module")
def shown(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """Animations of a video of a variable rate, in every format, two of each: 7 s and 5 s."""
    folder: Path = tmp_path_factory.mktemp("animations")
    film = write_clip(folder / "film.mp4", kept=is_kept)
    recipe = Recipe(
        slice_length=Fraction(7),
        animations=tuple(
            Animation(name=name, format=name, width=256, fps=Fraction(_FPS))
            for name in ANIMATION_FORMATS
        ),
        frames=(),
        sheets=(),
        documents=(),
    )
    made = make_set(film, recipe, kept_before, folder=folder / "set")
    add_shown(folder)
    (folder / "index.html").write_text("<!doctype html><link rel=icon href=data:,>")
    with served(folder) as site:
        page = browser.new_page()
        page.set_default_timeout(120_000)
        page.goto(f"{site.url}index.html")
        yield Shown(page, made)
        page.close()


@pytest.mark.parametrize("name", _IMAGES)
def test_images(name: str, shown: Shown) -> None:
    """At each tenth of a second an image shows that picture; it ends with its slice, and loops."""
    for url, animation in shown.animations(name):
        found = shown.page.evaluate(_DECODE, [url, animation.media_type])
        assert found["isEndless"]
        frames = found["frames"]
        ends = [begin + duration for begin, duration, _ in frames]
        assert ends[:-1] == pytest.approx([begin for begin, _, _ in frames[1:]], abs=1)
        assert ends[-1] == pytest.approx(1e6 * (animation.end - animation.start), abs=1000)
        for step in range(int((animation.end - animation.start) * _FPS)):
            now = 1e6 * (step + 0.5) / _FPS
            number = next(number for begin, _, number in reversed(frames) if begin <= now)
            instant = Fraction(animation.start) + Fraction(step, _FPS)
            assert number == shown.made.shown(instant), float(instant)


@pytest.mark.parametrize("name", _VIDEOS)
def test_videos(name: str, shown: Shown) -> None:
    """At each tenth of a second a video shows that picture; played, it begins again by itself."""
    for url, animation in shown.animations(name):
        length = animation.end - animation.start
        found = shown.page.evaluate(_SEEK, [url, int(length * _FPS), _FPS])
        assert found["duration"] == pytest.approx(length, abs=0.002)
        for step, (time, number) in enumerate(found["frames"]):
            instant = Fraction(animation.start) + Fraction(step, _FPS)
            assert time * _FPS == pytest.approx(step, abs=0.02)
            assert number == shown.made.shown(instant), (float(instant), time)
