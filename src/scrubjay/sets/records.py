"""Whether a slice's record says what its plan demands. Pure.

Records lie where others can write, and workers that decode strangers' files have written them. So
one that differs from its plan in anything but a picture's bytes counts for nothing.
"""

from collections.abc import Iterator
from fractions import Fraction
from math import ceil

from scrubjay.keys import animation_key, frame_key, sheet_key
from scrubjay.model import Plan, Size, Slice, SliceRecord
from scrubjay.planning import plan_id
from scrubjay.timing import multiples_in

__all__ = ["check_record"]

_SLACK = 3600
"""Seconds by which a picture may lie outside the video: clocks of damaged files jump a little."""

_MOST_DAMAGED = 10_000_000
"""Damaged packets of one slice, at most: no slice has more packets."""

_PIXEL_BYTES, _HEAD_BYTES = 6, 1 << 16
"""No encoder writes more bytes for a pixel, or before the first one."""


def check_record(plan: Plan, record: SliceRecord, *, name: str = "") -> None:
    """Check that a record is that of a slice of a plan: its keys, times, counts and sizes.

    Args:
        plan: what was to be made.
        record: what is said to have been made.
        name: the plan's id, if it is known already.

    Raises:
        ValueError: it is not; the text says what differs.
    """
    if record.plan != (name or plan_id(plan)):
        raise ValueError("it belongs to another plan")
    if record.index >= len(plan.slices):
        raise ValueError("the plan has no such slice")
    part = plan.slices[record.index]
    if (record.start, record.end) != (part.start, part.end):
        raise ValueError("its slice lies elsewhere in the video")
    if record.damaged_packets > _MOST_DAMAGED:
        raise ValueError("it counts more damaged packets than a slice can have")
    for problem in (*_animation(plan, part, record), *_frames(plan, part, record)):
        raise ValueError(problem)
    for problem in _sheet(plan, part, record):
        raise ValueError(problem)


def _animation(plan: Plan, part: Slice, record: SliceRecord) -> Iterator[str]:
    found, size, options = record.animation, plan.animation, plan.recipe.animations
    if (found is None) != (size is None):
        yield "the plan has an animation or the record has one, but not both"
    if found is None or size is None:
        return
    count = ceil(part.span.duration * options.fps)
    if (found.key, found.media_type) != (animation_key(part.start), "image/gif"):
        yield f"its animation is called {found.key!r}"
    if found.frames != count:
        yield f"its animation has {found.frames} frames instead of {count}"
    if found.over_budget != bool(options.max_bytes and found.size_bytes > options.max_bytes):
        yield "what it says of its animation's budget is wrong"
    yield from _bytes(found.size_bytes, size, count)


def _frames(plan: Plan, part: Slice, record: SliceRecord) -> Iterator[str]:
    size = plan.frame
    times = list(multiples_in(part.span, plan.recipe.frames.interval)) if size else []
    if [frame.time for frame in record.frames] != times:
        yield "its stills are not those that the plan has in that slice"
    for frame in record.frames:
        if frame.key != frame_key(frame.time):
            yield f"its still for {float(frame.time):g} s is called {frame.key!r}"
        yield from _shown(plan, frame.source_time)
        if size:
            yield from _bytes(frame.size_bytes, size)


def _sheet(plan: Plan, part: Slice, record: SliceRecord) -> Iterator[str]:
    grid, found, step = plan.sheet, record.sheet, plan.recipe.sheets.interval
    times = list(multiples_in(part.span, step)) if grid else []
    if (found is None) != (not times):
        yield "the plan has a sheet or the record has one, but not both"
    if found is None or grid is None or not times:
        return
    if found.key != sheet_key(part.start):
        yield f"its sheet is called {found.key!r}"
    if (found.start, found.end) != (times[0], min(times[-1] + step, plan.media.duration)):
        yield "its sheet lies elsewhere in the video"
    if len(found.source_times) != len(times):
        yield f"its sheet has {len(found.source_times)} thumbnails instead of {len(times)}"
    for time in found.source_times:
        yield from _shown(plan, time)
    yield from _bytes(found.size_bytes, grid.thumbnail, grid.columns * grid.rows)


def _shown(plan: Plan, time: Fraction) -> Iterator[str]:
    """Say whether a picture's own time is one that the video can have."""
    if not -_SLACK <= time <= plan.media.duration + plan.recipe.tolerance + _SLACK:
        yield "it shows a picture from outside the video"


def _bytes(size_bytes: int, size: Size, pictures: int = 1) -> Iterator[str]:
    most = _HEAD_BYTES + pictures * (_HEAD_BYTES + _PIXEL_BYTES * size.width * size.height)
    if not 0 < size_bytes <= most:
        yield f"a picture of {size.width} x {size.height} px cannot have {size_bytes} bytes"
