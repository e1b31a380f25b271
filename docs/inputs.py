"""Which videos are supported: the table of docs/inputs.md. A test runs every row of it."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

__all__ = ["REFUSED", "ROWS", "Row", "inputs_page"]


class Row(NamedTuple):
    """A container and a codec."""

    container: str
    suffix: str
    codec: str
    encoder: str
    options: Mapping[str, str] = MappingProxyType({})
    pixel_format: str = "yuv420p"
    frames_off: int = 0
    """By how many frames a picture may miss its time; 0 is exact."""

    @property
    def name(self) -> str:
        """Its name in tests."""
        return f"{self.codec} in {self.container}"


_X264 = {"preset": "veryfast", "threads": "1", "g": "25", "bf": "2"}
_X265 = {"preset": "ultrafast", "x265-params": "pools=1:log-level=0:keyint=25"}
_AV1 = {"preset": "9", "crf": "12", "g": "25", "svtav1-params": "lp=1"}
_VPX = {"deadline": "realtime", "cpu-used": "8", "g": "25", "threads": "1"}
_MPEG = {"g": "12", "bf": "2", "qscale": "3", "flags": "qscale"}
_PLAIN = {"g": "12", "qscale": "3", "flags": "qscale"}

ROWS = (
    Row("MP4", "mp4", "H.264", "libx264", _X264),
    Row("MP4", "mp4", "H.265", "libx265", _X265),
    Row("MP4", "mp4", "AV1", "libsvtav1", _AV1),
    Row("MP4", "mp4", "VP9", "libvpx-vp9", _VPX),
    Row("MP4", "mp4", "MPEG-4 part 2", "mpeg4", _MPEG),
    Row("QuickTime", "mov", "H.264", "libx264", _X264),
    Row("QuickTime", "mov", "ProRes", "prores_ks", pixel_format="yuv422p10le"),
    Row("QuickTime", "mov", "Motion JPEG", "mjpeg", pixel_format="yuvj420p"),
    Row("3GP", "3gp", "H.264", "libx264", _X264),
    Row("Matroska", "mkv", "H.264", "libx264", _X264),
    Row("Matroska", "mkv", "H.265", "libx265", _X265),
    Row("Matroska", "mkv", "AV1", "libsvtav1", _AV1),
    Row("Matroska", "mkv", "MPEG-2", "mpeg2video", _MPEG),
    Row("Matroska", "mkv", "FFV1", "ffv1"),
    Row("WebM", "webm", "VP8", "libvpx", _VPX),
    Row("WebM", "webm", "VP9", "libvpx-vp9", _VPX),
    Row("WebM", "webm", "AV1", "libsvtav1", _AV1),
    Row("MPEG-TS", "ts", "H.264", "libx264", _X264),
    Row("MPEG-TS", "ts", "H.265", "libx265", _X265),
    Row("MPEG-TS", "ts", "MPEG-2", "mpeg2video", _MPEG),
    Row("MPEG-PS", "mpg", "MPEG-1", "mpeg1video", _PLAIN),
    Row("MPEG-PS", "mpg", "MPEG-2", "mpeg2video", _MPEG),
    Row("AVI", "avi", "MPEG-4 part 2", "mpeg4", _MPEG),
    Row("AVI", "avi", "H.264", "libx264", _X264),
    Row("AVI", "avi", "Motion JPEG", "mjpeg", pixel_format="yuvj420p"),
    Row("Flash Video", "flv", "H.264", "libx264", _X264),
    Row("Flash Video", "flv", "Sorenson H.263", "flv", _PLAIN),
    Row("ASF", "wmv", "Windows Media Video 8", "wmv2", _PLAIN),
    Row("MXF", "mxf", "MPEG-2", "mpeg2video", _PLAIN),
    Row("IVF", "ivf", "VP8", "libvpx", _VPX),
    Row("NUT", "nut", "FFV1", "ffv1"),
    Row("elementary stream", "264", "H.264", "libx264", _X264),
    Row("elementary stream", "265", "H.265", "libx265", _X265),
    Row("elementary stream", "m4v", "MPEG-4 part 2", "mpeg4", _MPEG),
    Row("elementary stream", "m2v", "MPEG-2", "mpeg2video", _MPEG),
    Row("YUV4MPEG", "y4m", "uncompressed", "wrapped_avframe"),
)
"""What is supported; `tests/media/test_inputs.py` tests each row."""

REFUSED = (
    ("an encrypted video", "how it is encrypted, and by whose keys", "EncryptedVideoError"),
    ("a video cut off after its header", "how many of its bytes are there", "NoVideoError"),
    ("a fragment without its initialization segment", "what to put before it",
     "SourceUnreadableError"),
    ("only an initialization segment", "what to put after it", "NoVideoError"),
    ("an MP4 without its index", "how many bytes are missing", "SourceUnreadableError"),
    ("only audio, with or without a cover", "that it is audio", "SoundOnlyError"),
    ("audio, with a video track that is damaged", "that it is damaged", "NoVideoError"),
    ("a codec without a decoder", "which codec", "UnsupportedVideoError"),
    ("a picture, a page, a document, an archive", "what it is", "SourceUnreadableError"),
    ("a playlist: HLS, DASH, ffconcat", "that it names other files", "SourceUnreadableError"),
    ("an empty file", "that it is empty", "SourceUnreadableError"),
    ("a video of which no picture decodes", "just that", "NoVideoError"),
)  # fmt: skip
"""What is refused, what the message says, and the error; `tests/media/test_diagnosis.py`."""

_ABOUT = """\
A test runs every row of the first table (`tests/media/test_inputs.py`): it encodes a video with
that container and codec, in which each picture shows its frame number, and checks that the stills
show the right frames. *Exact* means that each picture is the frame that a player shows at its time.
FFmpeg's libraries come with PyAV, so no program has to be installed. Other codecs that they decode
are supported too, in these containers; `scrubjay doctor FILE` describes a file.
"""

_REPORTED = """\
## What is reported

- **Damage**: each slice counts packets that do not decode, that the container calls corrupt, or
  whose picture the decoder had to guess. The number is in its record, its `slice_done` event, the
  manifest (`damaged_packets`), the summary and on the page. A slice without a picture, or of noise,
  becomes a gap with its reason. With `--strict`, damage is an error ([concepts](concepts.md)).
- **A wrong header**: a missing duration, or one that differs from the pictures', is a note
  (`warnings`) in `probe`, `plan`, the summary and the manifest.
- **Times that are missing or jump**: a note says what was done about it. Pictures are counted, get
  the decoding times in the order of output, or are spread between those with a time; stretches of a
  clock that jumps are joined; or seeking is unreliable, so every worker reads the video from its
  start ([why](decisions/0017-clock-of-output-order.md)).
- **Several videos in a file**: the first default one is used, as in browsers; `--stream N` selects
  another. Covers, pictures of chapters and a camera's thumbnail are ignored.
- **Encryption** is detected in the samples: a track that is marked as protected but is clear is
  read; if only the beginning is clear, the rest becomes gaps.

## What is refused, and what the message says
"""


def inputs_page(note: str) -> str:
    """Write the page about inputs.

    Args:
        note: the line that says what generates the page.
    """
    rows = [
        (row.container, row.codec, "exact" if not row.frames_off else "best effort") for row in ROWS
    ]
    supported = _table(("container", "codec", "pictures"), rows)
    refused = _table(
        ("what is there", "what the message says", "error"),
        [(what, says, f"`{error}`") for what, says, error in REFUSED],
    )
    return (
        f"# What can be read\n\n{note}\n\n{_ABOUT}\n{supported}\n\n{_REPORTED}\n{refused}\n\n"
        "All of these end with exit code 3, and nothing is written.\n"
    )


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
