"""Ways to damage a finished set, each with the check that has to name it."""

import json
import re
from collections.abc import Callable
from fractions import Fraction
from hashlib import blake2b
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from scrubjay.model import Animation, Recipe, Sheet, Still
from scrubjay.registry import DOCUMENTS

__all__ = ["DAMAGES", "RECIPE", "Damage", "only", "picture", "rewrite"]

RECIPE = Recipe(
    slice_length=Fraction(2),
    animations=(
        Animation(name="gifs", format="gif", fps=Fraction(4), width=64),
        Animation(name="webps", format="webp", fps=Fraction(4), width=64),
        Animation(name="mp4s", format="mp4", fps=Fraction(4), width=64),
    ),
    frames=(
        Still(name="stills", width=64),
        Still(name="pngs", format="png", width=64),
        Still(name="packed", format="mjpg", width=64),
        Still(name="poster", per="video", width=64),
    ),
    sheets=(Sheet(width=64), Sheet(name="overview", per="video", width=64)),
    documents=tuple(DOCUMENTS),
)
"""Every kind of output and every document, small."""


class Damage(NamedTuple):
    """A way to damage a set."""

    name: str
    damage: Callable[[Path], object]
    check: str
    """The check that has to find it."""
    key: str
    """What its finding's key contains."""
    says: str = ""
    """What the sentence contains."""
    copy: str = "many"
    """The copy of the set that is damaged so: damages share one if they do not meet."""


def only(folder: Path, pattern: str) -> Path:
    """Return the only file of a pattern."""
    [found] = folder.glob(pattern)
    return found


def _edit(pattern: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Change the bytes of a file, and nothing else."""

    def edit(folder: Path) -> None:
        path = only(folder, pattern)
        before = path.read_bytes()
        after = change(before)
        assert after != before
        path.write_bytes(after)

    return edit


def rewrite(folder: Path, pattern: str, change: Callable[[bytes], bytes]) -> None:
    """Change an object as a wrong writer would: its record and the manifest agree with it."""
    path = only(folder, pattern)
    data = change(path.read_bytes())
    key = path.relative_to(folder).as_posix()
    path.write_bytes(data)
    for record in (folder / ".scrubjay/slices").rglob("*.json"):
        tree = json.loads(record.read_bytes())
        for artifact in tree["artifacts"]:
            if artifact["key"] == key:
                artifact["size_bytes"] = len(data)
                artifact["blake2b"] = blake2b(data, digest_size=16).hexdigest()
                record.write_text(json.dumps(tree))


def _wrongly_made(pattern: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    return lambda folder: rewrite(folder, pattern, change)


def _text(pattern: str, old: str, new: str) -> Callable[[Path], None]:
    return _edit(pattern, lambda data: re.sub(old.encode(), new.encode(), data, count=1))


def _json(pattern: str, change: Callable[[Any], object]) -> Callable[[Path], None]:
    def edit(data: bytes) -> bytes:
        tree = json.loads(data)
        change(tree)
        return json.dumps(tree).encode()

    return _edit(pattern, edit)


def picture(data: bytes, suffix: str = "JPEG", size: tuple[int, int] | None = None) -> bytes:
    """Return a picture of even grey, as large as another or of a size in px."""
    with Image.open(BytesIO(data)) as image:
        width, height = size or image.size
    file = BytesIO()
    Image.fromarray(np.full((height, width, 3), 40, np.uint8)).save(file, suffix)
    return file.getvalue()


def _frames_of_gif(data: bytes, keep: Callable[[int], bool], delay: int | None = None) -> bytes:
    """Write a GIF again with some of its pictures, through another program's eyes."""
    with Image.open(BytesIO(data)) as image:
        frames = []
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            frames.append((image.convert("RGB"), image.info["duration"]))
    kept = [frame for number, frame in enumerate(frames) if keep(number)]
    file = BytesIO()
    kept[0][0].save(
        file,
        "GIF",
        save_all=True,
        append_images=[frame for frame, _ in kept[1:]],
        duration=[length if delay is None else delay for _, length in kept],
        loop=0,
    )
    return file.getvalue()


def _shorter_last_webp(data: bytes) -> bytes:
    at = data.rindex(b"ANMF") + 8 + 12
    return data[:at] + (20).to_bytes(3, "little") + data[at + 3 :]


def _moved_fragment(data: bytes) -> bytes:
    """Say in the head of the first packed still that it is shown 100 ms later."""
    at = data.index(b"tfdt") + 8
    return data[:at] + (100).to_bytes(8) + data[at + 8 :]


def _remove(pattern: str) -> Callable[[Path], None]:
    return lambda folder: only(folder, pattern).unlink()


def _write(key: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        stem, slash, name = key.rpartition("/")
        parent = only(folder, stem) if slash else folder
        (parent / name).write_bytes(b"something else")

    return write


def _gap_in_slices(tree: dict[str, Any]) -> None:
    tree["slices"][0]["end"] = 1.5


def _without_still(tree: dict[str, Any]) -> None:
    tree["frames"].pop(1)


def _earlier_plan(folder: Path) -> None:
    note = {"format": "scrubjay-generation/1", "outputs": {"gifs": "0" * 12}, "documents": []}
    (folder / f".scrubjay/generations/{'0' * 32}.json").write_text(json.dumps(note))
    old = folder / f"gifs/{'0' * 12}"
    old.mkdir()
    (old / "000000.gif").write_bytes(b"GIF89a")


def _bif(place: int) -> Callable[[bytes], bytes]:
    """Change four bytes of a BIF file."""
    return lambda data: data[:place] + (7).to_bytes(4, "little") + data[place + 4 :]


def _still(second: int) -> str:
    return f"stills/*/{second:06}.jpg"


def _gif(second: int) -> str:
    return f"gifs/*/{second:06}.gif"


_RECORD = "000002-000004.json"


def _moved_delay(data: bytes) -> bytes:
    """Take time from the first picture of a GIF and give it to the second."""
    first = data.index(b"\x21\xf9\x04") + 4
    second = data.index(b"\x21\xf9\x04", first) + 4
    changed = bytearray(data)
    changed[first : first + 2] = (10).to_bytes(2, "little")
    changed[second : second + 2] = (40).to_bytes(2, "little")
    return bytes(changed)


def _record_of(folder: Path, output: str, name: str = _RECORD) -> Path:
    id_ = only(folder, f"{output}/*").name
    return folder / ".scrubjay/slices" / id_ / name


def _swapped(folder: Path) -> None:
    """Swap two animations that have the same size."""
    first, second = only(folder, "mp4s/*/000006.mp4"), only(folder, "mp4s/*/000008.mp4")
    one, other = first.read_bytes(), second.read_bytes()
    size = max(len(one), len(other))
    rewrite(folder, "mp4s/*/000006.mp4", lambda data: data + _free(size - len(data)))
    rewrite(folder, "mp4s/*/000008.mp4", lambda data: data + _free(size - len(data)))
    one, other = first.read_bytes(), second.read_bytes()
    first.write_bytes(other)
    second.write_bytes(one)


def _free(size: int) -> bytes:
    """Return a box that readers skip; its head takes 8 bytes."""
    return (size + 8).to_bytes(4) + b"free" + bytes(size)


def _wrong_size(folder: Path) -> None:
    path = _record_of(folder, "pngs", "000000-000002.json")
    tree = json.loads(path.read_bytes())
    tree["artifacts"][1]["size_bytes"] += 1
    path.write_text(json.dumps(tree))


def _of_another(folder: Path) -> None:
    path, other = _record_of(folder, "gifs"), _record_of(folder, "pngs")
    path.write_bytes(other.read_bytes())


def _other_jpeg(folder: Path) -> None:
    path = only(folder, "*-64-1.bif")
    data = bytearray(path.read_bytes())
    data[-30] ^= 1
    path.write_bytes(data)


def _copied_sheet(folder: Path) -> None:
    sheets = only(folder, "jellyfin/*/*")
    (sheets / "1.jpg").write_bytes((sheets / "0.jpg").read_bytes())


def _wide_header(folder: Path) -> None:
    path = folder / "iframes.header.mp4"
    data = bytearray(path.read_bytes())
    at = data.rindex(b"mjpg") + 28
    data[at : at + 2] = (65).to_bytes(2)
    path.write_bytes(data)


DAMAGES = (
    Damage("a missing object", _remove(_still(0)), "object", "000000.jpg"),
    Damage("a cut object", _edit(_still(1), lambda data: data[:-9]), "size", "000001.jpg"),
    Damage("a flipped bit", _edit(_still(4), lambda d: d[:99] + bytes([d[99] ^ 1]) + d[100:]),
           "digest", "000004.jpg"),
    Damage("two swapped objects", _swapped, "digest", "mp4s"),
    Damage("a wrong size in a record", _wrong_size, "size", "pngs"),
    Damage("a still of other dimensions",
           _wrongly_made(_still(5), lambda data: picture(data, size=(64, 40))),
           "dimensions", "000005.jpg"),
    Damage("a still of another type",
           _wrongly_made(_still(6), lambda data: picture(data, "PNG")), "format", "000006.jpg"),
    Damage("a cut JPEG with a right digest",
           _wrongly_made(_still(7), lambda data: data[:-40]), "decode", "000007.jpg"),
    Damage("a PNG with a wrong sum",
           _wrongly_made("pngs/*/000005.png", lambda d: d[:-20] + b"\0" + d[-19:]),
           "decode", "pngs"),
    Damage("an MP4 of noise",
           _wrongly_made("mp4s/*/000004.mp4", lambda d: d[:-200] + b"\xff" * 200),
           "decode", "mp4s"),
    Damage("a GIF with a picture less",
           _wrongly_made(_gif(0), lambda d: _frames_of_gif(d, lambda k: k != 3)),
           "frames", "000000.gif"),
    Damage("a GIF that is too slow",
           _wrongly_made(_gif(8), lambda d: _frames_of_gif(d, lambda _: True, 300)),
           "times", "000008.gif", "as long as"),
    Damage("a GIF whose first picture is short",
           _wrongly_made(_gif(4), _moved_delay), "times", "000004.gif",
           "picture 1"),
    Damage("a GIF that stops",
           _wrongly_made(_gif(6),
                         lambda data: data.replace(b"\x03\x01\0\0\0", b"\x03\x01\x02\0\0", 1)),
           "loop", "000006.gif"),
    Damage("a WebP whose last picture is short",
           _wrongly_made("webps/*/000000.webp", _shorter_last_webp), "times", "webps"),
    Damage("a packed still at a wrong time",
           _wrongly_made("packed/*/000000.mp4", _moved_fragment), "times", "packed"),
    Damage("a missing record", lambda folder: _record_of(folder, "stills").unlink(),
           "record", _RECORD, "missing"),
    Damage("a record of another output", _of_another, "record", _RECORD,
           "output of record"),
    Damage("a record that is no JSON", lambda folder: _record_of(folder, "webps").write_bytes(b"{"),
           "record", _RECORD, "cannot be read"),
    Damage("a missing manifest", _remove("manifest.json"), "manifest", "manifest.json", "missing",
           "no manifest"),
    Damage("a missing plan", _remove(".scrubjay/plan.json"), "plan", "plan.json", "missing",
           "no plan"),
    Damage("a manifest of another plan",
           _json("manifest.json", lambda tree: tree.update(plan="0" * 32)),
           "manifest", "manifest.json", "another plan", "another plan"),
    Damage("a wrong size in the manifest",
           _json("manifest.json", lambda tree: tree["sheets"][2].update(size_bytes=1)),
           "manifest", "manifest.json", "size_bytes of sheet 2"),
    Damage("a gap between slices", _json("manifest.json", _gap_in_slices),
           "slices", "manifest.json", "a hole between 1.5 and 2 s"),
    Damage("a still that the manifest lacks", _json("manifest.json", _without_still),
           "stills", "manifest.json", "the first is 1 s"),
    Damage("a sheet that overlaps",
           _json("manifest.json", lambda tree: tree["sheets"][0].update(count=9)),
           "sheets", "manifest.json", "9 thumbnails in"),
    Damage("a track that is not listed",
           _json("manifest.json", lambda tree: tree["tracks"].pop("bif")),
           "document", "manifest.json", "'bif'", "no bif"),
    Damage("a missing document", _remove("storyboard.vtt"), "object", "storyboard.vtt",
           "", "no bif"),
    Damage("a cue that is a second late",
           _text("storyboard.vtt", r"00:00:01\.000 -->", "00:00:02.000 -->"),
           "document", "storyboard.vtt", "start of cue 1"),
    Damage("a cue of a wrong sheet",
           _text("storyboard.vtt", r"000004\.jpg", "000006.jpg"),
           "document", "storyboard.vtt", "sheet of cue"),
    Damage("a cue outside of its sheet",
           _text("storyboard.vtt", "xywh=0,0,64", "xywh=900,0,64"),
           "document", "storyboard.vtt", "outside of its sheet"),
    Damage("a storyboard of another set",
           _json("storyboard.json", lambda tree: tree.update(url="overview/0/000000.jpg")),
           "document", "storyboard.json", "url"),
    Damage("a tile at a wrong time",
           _json("storyboard.json", lambda tree: tree["tiles"][1].update(start=9)),
           "document", "storyboard.json", "start of tile 1"),
    Damage("a wrong duration in HLS", _text("images.m3u8", r"EXTINF:2\.000", "EXTINF:1.000"),
           "document", "images.m3u8", "duration of sheet 0"),
    Damage("a wrong line for a playlist",
           _text("images.master.m3u8", "RESOLUTION=64", "RESOLUTION=65"),
           "document", "images.master.m3u8", "RESOLUTION"),
    Damage("a wrong grid in DASH", _text("thumbnails.xml", 'value="2x1"', 'value="1x2"'),
           "document", "thumbnails.xml", "grid"),
    Damage("a DASH document with entities", _text("thumbnails.xml", "<Adapt", "<!DOCTYPE x><Adapt"),
           "document", "thumbnails.xml", "entities", "no bif"),
    Damage("a damaged index of a BIF", _edit("index.bif", _bif(64 + 8 + 4)),
           "document", "index.bif", "rise", "another index"),
    Damage("a wrong time in a BIF", _edit("index.bif", _bif(64 + 8)),
           "document", "index.bif", "time of picture 1"),
    Damage("another picture for Emby", _other_jpeg,
           "document", "-64-1.bif", "picture of picture"),
    Damage("a wrong sheet for Jellyfin", _copied_sheet,
           "document", "1.jpg", "picture of sheet"),
    Damage("a wrong range of an I-frame", _text("iframes.m3u8", r"@0\n", "@1\n"),
           "document", "iframes.m3u8", "picture of picture 0"),
    Damage("a header of another size", _wide_header,
           "document", "iframes.header.mp4", "width of header"),
    Damage("another poster",
           _edit("poster.jpg", picture), "document", "poster.jpg"),
    Damage("a page of another set",
           _text("index.html", r'"size_bytes":\d+', '"size_bytes":1'),
           "document", "index.html", "manifest of page"),
    Damage("a changed script of the page",
           _text("index.html", r'<script type="module">', '<script type="module">alert(1);'),
           "document", "index.html", "sha256"),
    Damage("a stray object", _write("stills/*/000099.jpg"), "stray", "000099.jpg"),
    Damage("a stray document", _write("images-old.m3u8"), "stray", "images-old.m3u8"),
    Damage("a half-written object", _write("stills/*/000001.jpg#7"), "unfinished", "000001.jpg#7"),
    Damage("what an earlier plan left", _earlier_plan, "stale", "gifs/000000000000", "", "stale"),
)  # fmt: skip
