"""Where FFmpeg's errors enter Scrubjay."""

from collections.abc import Generator
from contextlib import contextmanager

import av
import av.error

from scrubjay.errors import (
    SourceDamagedError,
    SourceNotFoundError,
    SourceUnreadableError,
    UnsupportedVideoError,
    WorkerMemoryError,
)

__all__ = ["DECODE_ERRORS", "ffmpeg_errors"]

DECODE_ERRORS = (av.error.FFmpegError, UnicodeDecodeError, ValueError)
"""What PyAV raises on damaged packets; FFmpeg's own errors subclass many builtins."""


@contextmanager
def ffmpeg_errors(name: str) -> Generator[None]:
    """Turn what PyAV raises while it opens or reads the source `name` into `SourceError`s."""
    try:
        yield
    except av.error.DecoderNotFoundError as exc:
        raise UnsupportedVideoError(f"no decoder here for the video in {name}") from exc
    except av.error.PatchWelcomeError as exc:
        raise UnsupportedVideoError(f"{name} uses a feature that this FFmpeg lacks") from exc
    except av.error.FileNotFoundError as exc:
        raise SourceNotFoundError(f"{name} does not exist") from exc
    except av.error.PermissionError as exc:
        raise SourceUnreadableError(f"{name} may not be read: permission denied") from exc
    except (av.error.MemoryError, MemoryError) as exc:
        raise WorkerMemoryError(f"{name} needs more memory than a worker may have") from exc
    except (av.error.InvalidDataError, av.error.EOFError) as exc:
        raise SourceUnreadableError(f"{name} is not a video, or is damaged at its start") from exc
    except av.error.ArgumentError as exc:
        raise SourceUnreadableError(
            f"{name} is not in a container format that Scrubjay opens"
        ) from exc
    except av.error.FFmpegError as exc:
        raise SourceUnreadableError(f"{name} cannot be read: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise SourceDamagedError(f"{name} has damaged names inside") from exc
