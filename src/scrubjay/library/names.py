"""What the name of a file or folder says: hidden, or a download that has not ended."""

from collections.abc import Collection

__all__ = ["SIDECARS", "is_hidden", "is_unfinished"]

_SYSTEM_FOLDERS = frozenset(
    {"$recycle.bin", "system volume information", "lost+found", "@eadir", "#recycle"}
)
"""Folders of operating systems and network drives, in lower case, that are hidden there."""

_UNFINISHED = (
    ".part", ".partial", ".crdownload", ".opdownload", ".download", ".filepart", ".!qb", ".!ut",
    ".bc!", ".aria2", ".ytdl", ".st", ".tmp", ".temp", ".incomplete", ".unfinished",
)  # fmt: skip
"""What browsers, BitTorrent clients and copying programs append to a file until it is complete, in
lower case. rsync begins its names with a dot, so they are hidden."""

SIDECARS = (".aria2", ".ytdl", ".st", ".lftp-pget-status")
"""What aria2, yt-dlp, axel and lftp put beside a file until it is complete: its name and this."""


def is_hidden(name: str) -> bool:
    """Whether a file or folder of that name is hidden, or the system's own."""
    return name.startswith(".") or name.lower() in _SYSTEM_FOLDERS


def is_unfinished(name: str, sidecars: Collection[str] = ()) -> bool:
    """Whether a file or folder of that name is a download or copy that has not ended.

    Args:
        name: its name.
        sidecars: the names beside it that end like one of `SIDECARS`.
    """
    if name.lower().endswith(_UNFINISHED):
        return True
    return bool(sidecars) and any(name + each in sidecars for each in SIDECARS)
