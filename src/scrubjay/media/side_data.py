"""Data beside a picture: its display matrix, its mastering, its film grain.

PyAV raises `ValueError` for all of a frame's side data if one piece has a type that it has no name
for, such as Exif or the view number of a stereo video. No video may fail for this reason.
"""

from typing import Any

from av import VideoFrame
from av.sidedata.sidedata import SideDataContainer, Type

__all__ = ["side_data"]

_NONE = b""

_container: Any = SideDataContainer


def side_data(frame: VideoFrame, kind: str) -> bytes:
    """Return a piece of a frame's side data, empty if it has none of that kind. Never raises.

    Args:
        frame: the decoded frame.
        kind: the piece's name in PyAV, such as `DISPLAYMATRIX`.
    """
    try:
        return _read(frame, kind)
    except (ValueError, KeyError):
        _name_unknown_types()
    try:
        return _read(frame, kind)
    except (ValueError, KeyError):  # it cannot be read at all
        return _NONE


def _read(frame: VideoFrame, kind: str) -> bytes:
    # A container of our own: `frame.side_data` would keep it, and it would keep the frame until the
    # garbage collector runs. PyAV's type hints lack its constructor, and that its pieces are bytes.
    pieces = _container(frame)
    found = pieces.get(kind)  # iterating gives pieces in PyAV 18, and their types in PyAV 19
    return _NONE if found is None else bytes(found)


def _name_unknown_types() -> None:
    """Give PyAV a name for each type of side data that it does not know.

    Python calls `enum.Enum._missing_` for values that an enum lacks. This is only set when a video
    needs it.
    """

    def unknown(cls: type[Type], value: Any) -> Any:  # noqa: ANN401  as enum's own
        if not isinstance(value, int):
            return None
        member: Any = object.__new__(cls)
        member._value_ = value
        member._name_ = f"UNKNOWN_{value}"
        return member

    type.__setattr__(Type, "_missing_", classmethod(unknown))
