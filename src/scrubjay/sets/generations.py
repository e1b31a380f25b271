"""The notes of what a destination was used for."""

from collections.abc import Mapping

import msgspec

from scrubjay.model import OutputId, OutputName

__all__ = ["Generation"]


class Generation(msgspec.Struct, frozen=True, kw_only=True):
    """Note that a destination was used for a plan, and under which ids its artifacts are."""

    format: str = "scrubjay-generation/1"
    outputs: Mapping[OutputName, OutputId]
    """The id of each output, by name."""
    documents: tuple[str, ...] = ()
    """The keys of its documents."""
