"""The versions, in this process, of all that may change a picture's bytes."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache
from importlib import import_module

import av
import numpy as np
from av.codec.codec import Codec, UnknownCodecError

from scrubjay.errors import VersionError
from scrubjay.identity import VERSIONS
from scrubjay.model import Plan
from scrubjay.registry import EVERY_FORMAT

__all__ = ["check_versions", "encoder_versions", "installed_versions"]


@cache
def installed_versions() -> Mapping[str, str]:
    """Return the versions of the renderer and of the libraries that it and its encoders use."""
    libraries = {name for each in EVERY_FORMAT for name in each.libraries}
    return {
        **VERSIONS,
        "av": av.__version__,
        "numpy": np.__version__,
        **{name: import_module(name).__version__ for name in sorted(libraries)},
        **encoder_versions({each.encoder for each in EVERY_FORMAT} - {""}),
    }


def encoder_versions(names: Iterable[str]) -> dict[str, str]:
    """Return the version of FFmpeg, which is all it says, for each encoder that it has."""
    found: dict[str, str] = {}
    for name in sorted(names):
        with suppress(UnknownCodecError):
            Codec(name, "w")
            found[name] = av.ffmpeg_version_info
    return found


def check_versions(plan: Plan) -> None:
    """Check that this process has the library versions for which a plan was made.

    Raises:
        VersionError: a version differs; the text says which.
    """
    own = installed_versions()
    differing = [
        f"{name} {own.get(name, 'none')} instead of {planned}"
        for name, planned in plan.versions.items()
        if own.get(name) != planned
    ]
    if differing:
        raise VersionError(
            f"this worker has other versions than the plan was made for ({', '.join(differing)}), "
            "so its pictures would differ; run it again to make a new plan"
        )
