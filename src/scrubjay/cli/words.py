"""The text that commands print for people."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import chain

from scrubjay.costs import Count, counts_of
from scrubjay.events import (
    FilmEnded,
    FilmPassed,
    Finished,
    LibraryFinished,
    PassedReason,
    Planned,
    Probed,
    ShardFinished,
    Unconfined,
)
from scrubjay.excerpt import Excerpt
from scrubjay.model import Animation, MediaInfo, Plan, PlannedOutput, Reading, Sheet, Size
from scrubjay.planning import artifacts_of
from scrubjay.shown import printable
from scrubjay.timing import exact_clock, milliseconds, short_clock

__all__ = [
    "about",
    "about_unreadable",
    "count_text",
    "describe_excerpt",
    "describe_library",
    "describe_media",
    "describe_passed",
    "describe_plan",
    "describe_result",
    "describe_step",
    "describe_unconfined",
    "size_text",
    "table",
]

_KIB = 1024

_PUT_DOLLARS = 0.005 / 1000
"""Cost of writing an object: a PUT in S3 Standard, us-east-1, November 2026."""


def describe_media(name: str, media: MediaInfo) -> str:
    """Describe a video, one fact per line."""
    return table(name, _media_rows(media))


def describe_plan(plan: Plan, reading: Reading | None = None) -> str:
    """Describe what would be made from a video, one output per line, and what it costs to read."""
    rows = chain(_plan_rows(plan), _reading_rows(reading) if reading else ())
    return table(plan.source.name, rows)


def describe_result(probed: Probed, planned: Planned, finished: Finished) -> str:
    """Describe what a run made, in a sentence or two, with one line for each note on the video."""
    kinds = _kinds(finished)
    speed = float(planned.remaining) / max(finished.seconds, 0.001)
    what = f"{', '.join(kinds)}: {size_text(finished.size_bytes)}"
    if planned.done < planned.slices:
        pace = f" ({speed:.1f}x real time)" if planned.remaining else ""
        sentences = [f"Made {what} in {finished.seconds:.1f} s{pace}."]
        if planned.done:
            sentences.append(f"{planned.done} of {planned.slices} slices already existed.")
    else:
        sentences = [f"Nothing to do, the set is complete: {what}."]
    if finished.damaged_slices:
        sentences.append(
            f"The video is damaged in {count_text(finished.damaged_slices, 'slice')} "
            f"({count_text(finished.damaged_packets, 'packet')}): pictures there may look wrong, "
            "and where nothing can be decoded, the previous picture stays."
        )
    if finished.over_budget:
        sentences.append(
            f"{count_text(finished.over_budget, 'animation')} could not be kept within "
            "--animation-max-bytes even at the lowest quality; make them smaller or shorter."
        )
    if finished.removed:
        sentences.append(f"Removed {count_text(finished.removed, 'object')} of an earlier plan.")
    if finished.stale:
        sentences.append(
            f"{count_text(finished.stale, 'object')} of an earlier plan "
            + ("is" if finished.stale == 1 else "are")
            + " still there; delete with --remove-stale or scrubjay prune."
        )
    return "\n".join(
        [" ".join(sentences), *(f"Note: {printable(each)}." for each in probed.media.warnings)]
    )


def _kinds(finished: Finished) -> list[str]:
    """Return how many artifacts of each kind a set has."""
    return [
        count_text(count, kind)
        for count, kind in (
            (finished.animations, "animation"),
            (finished.frames, "still"),
            (finished.sheets, "sheet"),
        )
        if count
    ]


def describe_step(finished: Finished | ShardFinished) -> str:
    """Describe what one step of several did: a shard, or publishing."""
    if isinstance(finished, Finished):
        return f"Published {', '.join(_kinds(finished))}: {size_text(finished.size_bytes)}."
    name = f"Shard {finished.shard} of {finished.shards}"
    done = finished.slices - finished.made - finished.failed
    if not finished.slices:
        return f"{name} has no slices: there are more shards than slices."
    if done == finished.slices:
        return f"Nothing to do, {count_text(done, 'slice')} of shard {name[6:]} already existed."
    what = f"{count_text(finished.made, 'slice')} ({size_text(finished.size_bytes)})"
    text = f"{name}: made {what} in {finished.seconds:.1f} s."
    return f"{text} {done} of {finished.slices} already existed." if done else text


def describe_excerpt(made: Excerpt, seconds: float, *, max_bytes: int = 0) -> str:
    """Describe one file of a video in a sentence or two.

    Args:
        made: the file.
        seconds: how long it took.
        max_bytes: its budget; 0 is none.
    """
    pictures = f", {made.pictures} pictures" if made.pictures > 1 else ""
    when = f"from {exact_clock(made.start)} to {exact_clock(made.end)}"
    if made.pictures == 1 and len(made.source_times) == 1:
        shown = milliseconds(made.source_times[0] - made.start)
        when = f"the frame at {exact_clock(made.start)}" + (
            f", which is shown from {exact_clock(made.source_times[0])} on" if shown else ""
        )
    text = (
        f"Made {made.width} x {made.height} px{pictures}, {size_text(len(made.data))}, {when}, "
        f"in {seconds:.1f} s."
    )
    if 0 < max_bytes < len(made.data):
        text += (
            " It could not be kept within --max-bytes even at the lowest quality; make it smaller "
            "or shorter."
        )
    if made.damaged_packets:
        text += f" The video is damaged there ({count_text(made.damaged_packets, 'packet')})."
    return text


def describe_library(finished: LibraryFinished, failures: Sequence[FilmEnded]) -> str:
    """Describe what became of many videos, in a sentence, and of each that failed in a line.

    Args:
        finished: how many there were.
        failures: some or all of those that failed or have gaps.
    """
    if not finished.films:
        return "No videos were found."
    counts = [
        f"{number} {what}"
        for number, what in (
            (finished.due, "would be made"),
            (finished.already, "made before"),
            (finished.partial, "with gaps"),
            (finished.failed, "failed"),
        )
        if number
    ]
    if finished.made or not counts:
        length, seconds = short_clock(finished.duration), max(finished.seconds, 0.001)
        speed = float(finished.duration) / seconds
        pace = f" ({length} in {seconds:.1f} s, {speed:.1f}x real time)" if finished.made else ""
        counts.insert(0, f"{finished.made} made{pace}")
    lines = [f"{count_text(finished.films, 'video')}: {', '.join(counts)}."]
    lines += [f"  {about(each)}" for each in failures]
    more = sum(finished.errors.values()) - len(failures)
    if more > 0:
        lines.append(f"  ... and {more} more; --json shows all.")
    if any(not each.is_news for each in failures):
        lines.append(
            "Videos that failed before are tried again when they change, or with --retry-failed."
        )
    return "\n".join(map(printable, lines))


def about(event: FilmEnded) -> str:
    """Return why a video failed, with its path in the library."""
    film = str(event.film)
    return event.message if event.message.startswith(film) else f"{film}: {event.message}"


def about_unreadable(event: FilmPassed) -> str:
    """Return why a file or folder cannot be read."""
    return f"{event.film or 'the folder'} cannot be read: {event.message}"


def describe_passed(
    passed: Mapping[PassedReason, int], unreadable: Sequence[FilmPassed]
) -> Iterator[str]:
    """Yield lines on what was passed over, if anything, and what could not be read.

    Args:
        passed: how many files and folders, by reason.
        unreadable: some or all of those that could not be read.
    """
    if passed:
        counts = ", ".join(f"{count} {reason}" for reason, count in sorted(passed.items()))
        yield f"Passed over: {counts}."
    for each in unreadable:
        yield printable(f"  {about_unreadable(each)}")


def describe_unconfined(event: Unconfined) -> str:
    """Say that workers are confined only partly or not at all."""
    return (
        f"Note: this machine lacks {' and '.join(event.missing)}, so workers are not fully "
        "confined, and a hostile video could do harm; see docs/security.md."
    )


def count_text(count: int, thing: str) -> str:
    """Write a number of things: `1 still`, `2 stills`."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def table(title: str, rows: Iterable[tuple[str, str]]) -> str:
    """Return a title and a line for each topic."""
    lines = [title, *(f"  {name:<12} {value}" for name, value in rows)]
    return "\n".join(map(printable, lines))


def _media_rows(media: MediaInfo) -> Iterator[tuple[str, str]]:
    rate = f", {float(media.frame_rate):.3f} frames/s on average" if media.frame_rate else ""
    yield "video", f"{media.codec} in {media.container}{rate}"
    yield "duration", f"{short_clock(media.duration)} ({float(media.duration):.3f} s)"
    yield "size", f"{media.width} x {media.height} px{_shape(media)}"
    space = media.color_space, media.color_range, media.color_transfer
    yield "colour", f"{media.pixel_format}; matrix {space[0]}, range {space[1]}, curve {space[2]}"
    if media.first_picture > 0:
        yield "begins", f"the first picture is shown at {float(media.first_picture):.3f} s"
    if media.origin:
        yield "clock", f"the clock starts at {float(media.origin):.3f} s"
    yield "sound", "yes" if media.has_audio else "no"
    for warning in media.warnings:
        yield "note", warning


def _shape(media: MediaInfo) -> str:
    notes: list[str] = []
    if media.sample_aspect_ratio != 1:
        aspect = media.sample_aspect_ratio
        notes.append(f"pixels {aspect.numerator}:{aspect.denominator}")
    if media.rotation_deg:
        notes.append(f"rotated by {media.rotation_deg} degrees")
    if media.mirrored:
        notes.append("mirrored")
    coded = f"coded as {media.coded_width} x {media.coded_height}"
    return f" ({', '.join([coded, *notes])})" if notes else ""


def _plan_rows(plan: Plan) -> Iterator[tuple[str, str]]:
    recipe, count = plan.recipe, len(plan.timeline)
    duration = short_clock(plan.media.duration)
    if count:
        yield "slices", f"{count} of {_number(recipe.slice_length)} s over {duration}"
    counts = counts_of(plan.media.duration, recipe)
    for output, number in zip(plan.outputs, counts.outputs, strict=True):
        yield output.name, f"{number.artifacts} {_facts(output, number)}: {_example(plan, output)}"
    objects = counts.objects
    yield "objects", f"{objects}; writing them to S3 costs ${objects * _PUT_DOLLARS:.4f}"
    for warning in plan.media.warnings:
        yield "note", warning


def _facts(output: PlannedOutput, number: Count) -> str:
    """Describe an output's artifacts."""
    layout, options = output.layout, output.options
    whole = " of the whole video" if output.is_whole else ""
    facts = f"{options.format.upper()}{whole}, "
    if isinstance(options, Animation):
        shown = {
            "whole": "",
            "timelapse": "a picture of each second at ",
            "highlight": f"the liveliest {_number(options.length)} s at ",
        }[options.of]
        rate = f"{shown}{_number(options.fps)} frames/s, {number.pictures} frames"
        return f"{facts}{_size(layout.size)}, {rate}"
    if output.format.is_packed:
        facts += f"{number.pictures} pictures of "
    if isinstance(options, Sheet):
        facts += f"{layout.columns} x {layout.rows} thumbnails of "
    facts += _size(layout.size)
    is_single = output.is_whole and not isinstance(options, Sheet)
    return facts if is_single else f"{facts}, every {_number(output.spacing)} s"


def _example(plan: Plan, output: PlannedOutput) -> str:
    """Return the key of an output's first artifact."""
    slices = [slice_ for slice_ in plan.slices if slice_.is_whole == output.is_whole]
    planned = (each for slice_ in slices for each in artifacts_of(plan, output, slice_))
    return next(planned).key + ("" if output.is_whole else " ...")


def _reading_rows(reading: Reading) -> Iterator[tuple[str, str]]:
    total = f" of {reading.frames_in_video}" if reading.frames_in_video else ""
    yield "read", f"{reading.packets_read} packets{total}, {reading.seeks} seeks"
    yield "decoded", f"{reading.frames_decoded} frames for {reading.pictures} pictures"
    yield "skipped", f"{reading.frames_left_out} frames"
    yield "furthest", f"{float(reading.largest_miss):.3f} s from an instant to its picture's time"
    for reason in reading.reasons:
        yield "why", reason


def _size(size: Size) -> str:
    return f"{size.width} x {size.height} px"


def _number(value: Fraction) -> str:
    return f"{float(value):g}"


def size_text(size_bytes: int) -> str:
    """Write a number of bytes in the unit that fits."""
    size = float(size_bytes)
    for unit in ("bytes", "KiB", "MiB"):
        if size < _KIB:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= _KIB
    return f"{size:.2f} GiB"
