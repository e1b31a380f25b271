"""The front end of the serverless GIF generator finds each second of a set."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import scrubjay
from scrubjay import Animation, InlineEngine, Recipe, Still
from scrubjay.layouts import lay_out

_NAMES = """async ([folder, address, size, seconds]) => {
    const file = address.split("//")[1].split("/")[1]; // the second part, as the front end has it
    const name = file.split(".")[0];
    const loads = (path) => new Promise((done) => {
        const picture = new Image();
        picture.onload = () => done(picture.naturalWidth);
        picture.onerror = () => done(0);
        picture.src = `${folder}/${name}/${name}-${path}`;
    });
    const widths = [];
    for (let position = 0; position < seconds; position++) {
        const start = position - (position % size);
        widths.push(await loads(`${start}-frame-${position - start}.jpg`));
        widths.push(await loads(`${start}.gif`));
    }
    return widths;
}"""
"""Its rule for addresses, written anew: `NAME/NAME-START.gif` and `NAME/NAME-START-frame-N.jpg`."""


def test_its_front_end_finds_each_second(
    clip: Path, tmp_path: Path, serve: Callable[[Path], str], visit: Callable[..., Any]
) -> None:
    """At every position of its slider, both pictures load: also frame 0 of each slice."""
    film, bucket = tmp_path / "my.film.mp4", tmp_path / "bucket"
    film.write_bytes(clip.read_bytes())
    recipe = Recipe(
        slice_length=Fraction(5),
        animations=(Animation(width=64),),
        frames=(Still(width=80),),
        sheets=(),
    )
    scrubjay.make(film, bucket / "my", recipe=recipe, engine=InlineEngine())
    lay_out(bucket / "my", "reference", bucket / "my")
    url = serve(bucket)
    page = visit(f"{url}/my/index.html").page
    widths = page.evaluate(_NAMES, [url, "https://videos.example/my.film.mp4", 5, 12])
    assert widths == [80, 64] * 12
