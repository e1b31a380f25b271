"""Where FFmpeg's errors are converted to Scrubjay's."""

import errno
from collections.abc import Generator
from contextlib import contextmanager

import av
import av.error

from scrubjay.errors import (
    ScrubjayError,
    SourceDamagedError,
    SourceForbiddenError,
    SourceNotFoundError,
    SourceUnavailableError,
    SourceUnreadableError,
    UnsupportedVideoError,
    WorkerMemoryError,
)
from scrubjay.places.place import Place
from scrubjay.places.remote import server_error

__all__ = ["DECODE_ERRORS", "NETWORK_ERRORS", "ffmpeg_errors", "source_errors"]

_PASSING = {errno.ESTALE, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EMFILE, errno.ENFILE}
"""System errors that pass by themselves. EIO is not among them: FFmpeg also reports it for files
that are cut off."""

DECODE_ERRORS = (av.error.FFmpegError, UnicodeDecodeError, ValueError)
"""What PyAV raises on damaged packets; FFmpeg's own errors subclass many builtins."""


NETWORK_ERRORS = (
    av.error.HTTPClientError,
    av.error.HTTPServerError,
    av.error.OSError,
    av.error.TimeoutError,
    av.error.ExitError,  # after `READ_TIMEOUT`
    av.error.ConnectionRefusedError,
    av.error.ConnectionResetError,
    av.error.ConnectionAbortedError,
    av.error.BrokenPipeError,
)


@contextmanager
def ffmpeg_errors(name: str) -> Generator[None]:
    """Turn what PyAV raises while it opens or reads the source `name` into `SourceError`s."""
    try:
        yield
    except av.error.DecoderNotFoundError as exc:
        raise UnsupportedVideoError(f"{name}: no decoder here for its video") from exc
    except av.error.PatchWelcomeError as exc:
        raise UnsupportedVideoError(
            f"{name} uses a feature that this FFmpeg lacks, or its header is damaged"
        ) from exc
    except av.error.FileNotFoundError as exc:
        raise SourceNotFoundError(f"{name} does not exist") from exc
    except av.error.PermissionError as exc:
        raise SourceForbiddenError(f"{name} cannot be read: permission denied") from exc
    except (av.error.MemoryError, MemoryError) as exc:
        raise WorkerMemoryError(f"{name} needs more memory than a worker's limit") from exc
    except (av.error.InvalidDataError, av.error.EOFError) as exc:
        raise SourceUnreadableError(f"{name} is not a video, or its start is damaged") from exc
    except av.error.ArgumentError as exc:
        raise SourceUnreadableError(
            f"{name} is not in a container format that Scrubjay opens"
        ) from exc
    except av.error.FFmpegError as exc:
        kind = SourceUnavailableError if exc.errno in _PASSING else SourceUnreadableError
        raise kind(f"{name} cannot be read: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise SourceDamagedError(f"{name} is damaged: a name in it is not valid text") from exc


@contextmanager
def source_errors(place: Place) -> Generator[None]:
    """Turn what PyAV raises while it opens or reads the video at a place into `SourceError`s.

    FFmpeg's message about a video on a server contains its signed URL and seldom the reason. So the
    server is asked once more for the reason, and FFmpeg's error is dropped.
    """
    if place.is_local:
        with ffmpeg_errors(place.name):
            yield
        return
    try:
        yield
    except (av.error.FFmpegError, MemoryError, UnicodeDecodeError) as exc:
        error = server_error(place) or _error_on_a_server(exc, place)
    else:
        return
    try:
        raise error from None
    finally:
        error.__context__ = None  # `raise` has just set it to the dropped error


def _error_on_a_server(exc: BaseException, place: Place) -> ScrubjayError:
    """Return what an error means for a video whose server answers again."""
    if isinstance(exc, av.error.HTTPForbiddenError | av.error.HTTPUnauthorizedError):
        return SourceForbiddenError(f"{place.shown} cannot be read: its URL is no longer valid")
    if isinstance(exc, NETWORK_ERRORS):
        return SourceUnavailableError(
            f"{place.shown} cannot be read: its server broke the connection"
        )
    try:
        with ffmpeg_errors(place.name):
            raise exc
    except ScrubjayError as error:
        error.__cause__ = None
        return error
