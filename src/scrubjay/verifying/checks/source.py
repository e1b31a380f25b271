"""Pictures of a set look like those of its video, of which some are decoded anew."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import sqrt
from typing import NamedTuple

from scrubjay.model import Animation, Artifact, MediaInfo, Plan, PlannedOutput, Sheet, encode
from scrubjay.places.place import Place
from scrubjay.verifying.examiner import Examiners
from scrubjay.verifying.expected import Due
from scrubjay.verifying.report import Finding
from scrubjay.verifying.subject import Subject
from scrubjay.verifying.wire import Compare, Compared, Sample

__all__ = ["SourceResult", "check_source"]

_STRIDE = (sqrt(5) - 1) / 2
"""Multiples of the golden ratio, without their whole part, are spread evenly however many are
taken: so more samples add to fewer."""


class SourceResult(NamedTuple):
    """What comparing with the video found."""

    findings: tuple[Finding, ...]
    compared: int
    left_out: str


class _Choice(NamedTuple):
    due: Due
    artifact: Artifact
    place: int
    """Which picture of the object, 0-based."""


def check_source(
    subject: Subject, source: Place, examiners: Examiners, *, samples: int, seed: int
) -> SourceResult:
    """Compare sampled pictures with the video.

    Args:
        subject: the set.
        source: the location of its video, readable by its URL.
        examiners: start the process that reads the video.
        samples: how many pictures to compare, at most.
        seed: another one chooses other pictures.

    Raises:
        SourceError: the video cannot be read.
    """
    media = subject.plan.media
    chosen = list(_chosen(subject, samples, seed))
    task = Compare(
        source=source,
        fingerprint=subject.plan.source.fingerprint,
        media=media,
        background=subject.plan.recipe.background,
        stereo=subject.plan.recipe.stereo,
        samples=len(chosen),
    )
    compared = examiners.ask_of_video(source, Compared, task, _pieces(subject, chosen))
    findings = tuple(
        Finding(
            check=each.check,
            key=chosen[each.sample].due.key if each.sample >= 0 else "",
            message=_named(chosen[each.sample], each.message) if each.sample >= 0 else each.message,
            expected=each.expected,
            found=each.found,
            start=_start(subject.plan, chosen[each.sample]) if each.sample >= 0 else None,
        )
        for each in compared.wrong
        if each.sample < len(chosen)
    )
    notes = [
        f"there are only {len(chosen)} pictures to choose from" if len(chosen) < samples else "",
        _loose_note(subject.plan) if compared.compared or compared.undecided else "",
        compared.left_out,
        *_undecided_notes(media, [chosen[each] for each in compared.undecided], subject),
    ]
    return SourceResult(findings, compared.compared, "; ".join(filter(None, notes)))


def _loose_note(plan: Plan) -> str:
    """Say which outputs have no picture among the samples."""
    if not any(_is_loose(plan, output) for output in plan.outputs):
        return ""
    return (
        "animations made with a tolerance are not compared, because no record says which pictures "
        "they show"
    )


def _undecided_notes(
    media: MediaInfo, undecided: Sequence[_Choice], subject: Subject
) -> Iterator[str]:
    """Say why some pictures differ from the reading of the video and may be right all the same."""
    damaged = sum(_is_damaged(subject, each.due) for each in undecided)
    if damaged:
        yield (
            f"{damaged} of the pictures could not be compared: the video is damaged there, so what "
            "it shows depends on where decoding begins"
        )
    if others := len(undecided) - damaged:
        why = (
            "the video's clock jumps before them, and readers join its stretches differently"
            if media.is_stitched
            else "some of the video's pictures have no time of their own"
        )
        yield f"{others} of the pictures could not be compared: {why}"


def _named(choice: _Choice, message: str) -> str:
    return f"picture {choice.place}: {message}" if choice.artifact.pictures > 1 else message


def _chosen(subject: Subject, samples: int, seed: int) -> Iterator[_Choice]:
    """Choose pictures, spread over outputs, and in each over time."""
    groups = [group for each in subject.plan.outputs if (group := _candidates(subject, each.name))]
    counts = [sum(artifact.pictures for _, artifact in group) for group in groups]
    taken: set[tuple[int, int]] = set()
    number = 0
    most = min(samples, sum(counts))
    while len(taken) < most:
        at = number % len(groups)
        share = (0.5 + (number // len(groups) + seed) * _STRIDE) % 1
        place = int(share * counts[at])
        while (at, place) in taken and len([1 for group, _ in taken if group == at]) < counts[at]:
            place = (place + 1) % counts[at]
        number += 1
        if (at, place) not in taken:
            taken.add((at, place))
            yield _at(groups[at], place)


def _candidates(subject: Subject, name: str) -> list[tuple[Due, Artifact]]:
    """Return an output's objects whose pictures a plain reader would decode as well."""
    [output] = [each for each in subject.plan.outputs if each.name == name]
    found: list[tuple[Due, Artifact]] = []
    for due, artifact in () if _is_loose(subject.plan, output) else subject.placed(output):
        is_there = artifact and subject.sizes.get(artifact.key) == artifact.size_bytes
        if artifact and is_there and _has_times(due, artifact):
            found.append((due, artifact))
    return found


def _is_loose(plan: Plan, output: PlannedOutput) -> bool:
    """Whether no record says which pictures an output shows: an animation with a tolerance."""
    is_animation = isinstance(output.options, Animation) and not output.is_whole
    return is_animation and plan.recipe.tolerance > 0


def _is_damaged(subject: Subject, due: Due) -> bool:
    """Whether the video is damaged where an object is, so that readers may differ."""
    return any(
        record.damaged_packets and record.start < due.end and due.start < record.end
        for record in subject.records.values()
    )


def _has_times(due: Due, artifact: Artifact) -> bool:
    """Whether a record has the times of all its pictures, and no more than there can be."""
    if isinstance(due.output.options, Animation) and not due.output.is_whole:
        return artifact.pictures > 0
    is_planned = due.output.is_whole or artifact.pictures <= len(due.times)
    return is_planned and 0 < artifact.pictures <= len(artifact.source_times)


def _at(group: Sequence[tuple[Due, Artifact]], place: int) -> _Choice:
    for due, artifact in group:
        if place < artifact.pictures:
            return _Choice(due, artifact, place)
        place -= artifact.pictures
    raise AssertionError  # `place` is below the sum of all


def _start(plan: Plan, choice: _Choice) -> float:
    time, source_time, _ = _times(plan, choice)
    found = time if time is not None else source_time
    return float(found or 0)


def _times(plan: Plan, choice: _Choice) -> tuple[Fraction | None, Fraction | None, Fraction]:
    """Return when a picture is due, when its record says that it is shown, and its tolerance."""
    due, artifact, place = choice
    options, tolerance = due.output.options, plan.recipe.tolerance
    if due.output.is_whole:
        return None, artifact.source_times[place], tolerance
    if isinstance(options, Animation):
        step = Fraction(1) if options.of == "timelapse" else 1 / options.fps
        first = due.start if artifact.shown_from is None else artifact.shown_from
        return first + place * step, None, tolerance
    return due.times[place], artifact.source_times[place], tolerance


def _pieces(subject: Subject, chosen: Sequence[_Choice]) -> Iterator[bytes]:
    """Yield each sample, a line and the bytes of its object."""
    for choice in chosen:
        due, artifact, place = choice
        options = due.output.options
        time, source_time, tolerance = _times(subject.plan, choice)
        sample = Sample(
            size_bytes=artifact.size_bytes,
            place=place,
            step=1 / options.fps if isinstance(options, Animation) else Fraction(0),
            columns=due.output.layout.columns if isinstance(options, Sheet) else 0,
            size=due.output.layout.size,
            time=time,
            source_time=source_time,
            tolerance=tolerance,
            is_damaged=_is_damaged(subject, due),
        )
        yield encode(sample) + b"\n"
        yield from subject.store.pieces(artifact.key, artifact.size_bytes)
