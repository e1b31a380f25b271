"""A media server's way to trickplay: ffmpeg writes JPEGs, which are then tiled and packed.

Jellyfin lets ffmpeg write a JPEG for every 10 s, on one thread, and tiles them in 10 x 10 with
quality 90; Roku's `biftool`, and media servers that write BIF, pack such JPEGs as they are.

Source: Jellyfin 10.11, `MediaEncoder.ExtractVideoImagesOnIntervalAccelerated`, `TrickplayManager`
and the defaults of `TrickplayOptions`; Roku's "BIF file specification", version 0.

    python bench/media_server.py FFMPEG VIDEO FOLDER
"""

import struct
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

_INTERVAL_S, _WIDTH_PX, _COLUMNS, _ROWS, _QUALITY = 10, 320, 10, 10, 90
_MAGIC = b"\x89BIF\r\n\x1a\n"


def extract(ffmpeg: str, video: str, folder: Path) -> list[Path]:
    """Write a JPEG for each interval, and return the files in order."""
    command = [ffmpeg, "-nostdin", "-v", "error", "-threads", "1", "-i", video, "-an", "-sn"]
    command += ["-vf", f"fps=1/{_INTERVAL_S},scale={_WIDTH_PX}:-2", "-threads", "1"]
    command += ["-c:v", "mjpeg", "-qscale:v", "4", "-f", "image2", str(folder / "%08d.jpg")]
    subprocess.run(command, check=True)
    return sorted(folder.glob("*.jpg"))


def tile(jpegs: list[Path], folder: Path) -> None:
    """Write sheets of JPEGs: 0.jpg, 1.jpg and so on."""
    cells = _COLUMNS * _ROWS
    for first in range(0, len(jpegs), cells):
        pictures = [Image.open(path) for path in jpegs[first : first + cells]]
        width, height = pictures[0].size
        sheet = Image.new("RGB", (_COLUMNS * width, _ROWS * height))
        for place, picture in enumerate(pictures):
            row, column = divmod(place, _COLUMNS)
            sheet.paste(picture, (column * width, row * height))
        sheet.save(folder / f"{first // cells}.jpg", quality=_QUALITY)


def pack(jpegs: list[Path], target: Path) -> None:
    """Write a BIF file of JPEGs."""
    files = [path.read_bytes() for path in jpegs]
    offset, index = 64 + 8 * (len(files) + 1), b""
    for number, data in enumerate(files):
        index += struct.pack("<II", number, offset)
        offset += len(data)
    index += struct.pack("<II", 0xFFFFFFFF, offset)
    head = _MAGIC + struct.pack("<III", 0, len(files), 1000 * _INTERVAL_S) + bytes(44)
    target.write_bytes(head + index + b"".join(files))


def main(ffmpeg: str, video: str, folder: str) -> None:
    """Write the sheets and the BIF file of a video."""
    with TemporaryDirectory() as scratch:
        jpegs = extract(ffmpeg, video, Path(scratch))
        tile(jpegs, Path(folder))
        pack(jpegs, Path(folder, "index.bif"))


if __name__ == "__main__":
    main(*sys.argv[1:])
