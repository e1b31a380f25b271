"""Reads finished sets again, and reports whether they hold."""

import os
from collections.abc import Callable, Sequence
from functools import partial

from msgspec.structs import replace

from scrubjay.engines.terms import readable_by_url
from scrubjay.errors import RecipeError
from scrubjay.limits import Limits
from scrubjay.places.place import Place, PlaceText
from scrubjay.places.remote import pinned
from scrubjay.sandbox.confinement import Sandbox
from scrubjay.sets.store import Store
from scrubjay.verifying import SAMPLES
from scrubjay.verifying.checks import SET_CHECKS
from scrubjay.verifying.checks.objects import check_object, objects_of
from scrubjay.verifying.checks.source import check_source
from scrubjay.verifying.examiner import Examiners
from scrubjay.verifying.library import Found, sets_below
from scrubjay.verifying.report import Finding, Report, SetReport
from scrubjay.verifying.subject import Subject, load
from scrubjay.waiting import mapped

__all__ = ["verify"]

_MOST_FINDINGS = 10_000
"""Findings of one set that are listed: a hostile one could have any number."""

OnSet = Callable[[SetReport], None]


def verify(
    destination: PlaceText | Place | Store,
    *,
    source: PlaceText | Place | None = None,
    samples: int = SAMPLES,
    seed: int = 0,
    workers: int = 0,
    stall_timeout: float = 60,
    sandbox: Sandbox = "auto",
    limits: Limits = Limits(),
    on_set: OnSet = lambda _: None,
) -> Report:
    """Read every set at and below a destination again, and report what is not as it should be.

    Nothing is changed. Pictures are decoded in confined processes, by code that made none of them.

    Args:
        destination: a set, or a folder or bucket with any number of sets below it.
        source: the video of the set; then some pictures are compared with those of the video. Only
            for a single set.
        samples: how many pictures to compare, spread over the outputs and the video.
        seed: another number compares other pictures.
        workers: processes that decode at once; 0 is one for each core.
        stall_timeout: seconds without a sign of life after which such a process is killed.
        sandbox: how they are confined: "auto", as far as possible; "require", completely or
            verifying fails; "off", not at all.
        limits: `memory_limit` is the most that one of them may allocate.
        on_set: called with the report of each set of a library as soon as it is there, from any
            thread.

    Raises:
        DestinationError: there is no set, or several and a `source`.
        SourceError: the source cannot be read.
        StoreError: the destination cannot be read.
    """
    store = destination if isinstance(destination, Store) else Store.open(destination)
    found = list(sets_below(store))
    lanes = workers or _cores()
    examiners = partial(Examiners, sandbox, stall_timeout, limits.memory_limit_bytes)
    video = None if source is None else pinned(Place.of(source))
    if video is not None and len(found) > 1:
        raise RecipeError(
            f"{len(found)} sets lie below the destination, and a source belongs to one; "
            "verify that one alone"
        )

    def verified(each: Found) -> SetReport:
        report = _verified(
            each, examiners, lanes=lanes if len(found) == 1 else 1, video=video,
            samples=samples, seed=seed,
        )  # fmt: skip
        on_set(report)
        return report

    return Report.of(mapped(verified, found, lanes=min(lanes, max(1, len(found)))))


def _verified(
    found: Found,
    examiners_for: Callable[[], Examiners],
    *,
    lanes: int,
    video: Place | None,
    samples: int,
    seed: int,
) -> SetReport:
    """Verify one set."""
    subject, problems = load(found.store, found.sizes())
    findings = list(problems)
    report = SetReport(destination=found.shown, holds=True, findings=())
    if subject:
        for check in SET_CHECKS:
            findings += check(subject)
        objects = list(objects_of(subject))
        with examiners_for() as examiners:
            results = mapped(
                lambda each: check_object(subject, *each, examiners), objects, lanes=lanes
            )
            for result in results:
                findings += result.findings
            report = replace(
                report,
                slices=len(subject.plan.slices),
                gaps=len(subject.gaps),
                objects=sum(result.size_bytes > 0 for result in results),
                size_bytes=sum(result.size_bytes for result in results),
                pictures=sum(result.pictures for result in results),
                documents=len(subject.manifest.tracks) + 1 if subject.manifest else 0,
            )
            if video is not None:
                report = _with_source(
                    report, findings, subject, video, examiners, samples=samples, seed=seed
                )
    return _finished(report, findings)


def _with_source(
    report: SetReport,
    findings: list[Finding],
    subject: Subject,
    video: Place,
    examiners: Examiners,
    *,
    samples: int,
    seed: int,
) -> SetReport:
    """Compare with the video, and add what that finds."""
    result = check_source(subject, readable_by_url(video), examiners, samples=samples, seed=seed)
    findings += result.findings
    return replace(report, compared=result.compared, not_compared=result.left_out)


def _finished(report: SetReport, findings: Sequence[Finding]) -> SetReport:
    ordered = sorted(findings, key=lambda each: not each.is_wrong)
    return replace(
        report,
        holds=not any(each.is_wrong for each in findings),
        findings=tuple(ordered[:_MOST_FINDINGS]),
        left_out=max(0, len(ordered) - _MOST_FINDINGS),
    )


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
