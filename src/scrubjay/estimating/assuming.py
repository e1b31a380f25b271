"""An estimate without a video: of a film as most are, with numbers that were measured elsewhere."""

from fractions import Fraction

from scrubjay.engines.worth import work_of
from scrubjay.estimating.fitting import OutputRates, Rates
from scrubjay.estimating.pieces import Cost, Piece
from scrubjay.estimating.predicting import Basis
from scrubjay.estimating.values import Sampled
from scrubjay.limits import Limits
from scrubjay.model import Animation, MediaInfo, PlannedOutput, Recipe, SourceRef, Used
from scrubjay.planning import make_plan

__all__ = ["assumed"]

_WIDTH, _HEIGHT, _RATE = 1280, 720, Fraction(24)
_BYTES_A_SECOND = 375_000
"""Of the video: 3 Mbit/s."""

_BYTES_A_PIXEL = {
    "gif": 0.33, "mp4": 0.017, "avif": 0.02, "webm": 0.02, "webm-av1": 0.02, "webp": 0.11,
}  # fmt: skip
"""Of an animation, measured on the media folder's film in 720p24."""

_BYTES_A_STILL_PIXEL = {"jpeg": 0.13, "mjpg": 0.17, "webp": 0.07, "avif": 0.06, "png": 1.4}
"""Of a still or a thumbnail, measured on the same."""

_FACTOR = 1.0
"""Films differ: one in ten is below half of what is assumed here, one in ten above twice."""

_SLICE = 0.05
_OPENING, _LEAD_IN, _MEMORY_BYTES = 0.02, 0.15, 160 << 20
_START = Cost(cpu=0.35, seconds=0.35)
_OWN = 0.0004
_OWN_MEMORY_BYTES = 60 << 20


def assumed(duration: Fraction, recipe: Recipe, limits: Limits) -> Basis:
    """Return what an estimate is made from where there is no video.

    Args:
        duration: of the film, in seconds.
        recipe: what would be made.
        limits: of the engine.

    Raises:
        RecipeError: the recipe cannot be made from such a film.
        LimitError: the set would cost more than the limits allow.
    """
    source = SourceRef(
        name="a film in 720p24",
        size_bytes=round(float(duration) * _BYTES_A_SECOND),
        fingerprint="0" * 32,
    )
    media = MediaInfo(
        container="mov",
        codec="h264",
        stream_index=0,
        duration=duration,
        declared_duration=duration,
        first_picture=Fraction(0),
        origin=Fraction(0),
        time_base=1 / _RATE,
        frame_rate=_RATE,
        width=_WIDTH,
        height=_HEIGHT,
        coded_width=_WIDTH,
        coded_height=_HEIGHT,
        sample_aspect_ratio=Fraction(1),
        rotation_deg=0,
        mirrored=False,
        pixel_format="yuv420p",
        color_space="bt709",
        color_range="limited",
        color_transfer="bt709",
        has_audio=True,
        packets=max(1, round(duration * _RATE)),
    )
    plan = make_plan(source, media, recipe, limits)
    names = tuple(each.name for each in plan.outputs)
    work = {each.is_whole: work_of(plan, each.index, names) for each in plan.slices}
    first = plan.timeline[0] if plan.timeline else None
    second = work[False] / float(plan.timeline[-1].span.duration) if first else 0.0
    whole = None
    if plan.whole is not None:
        whole = Piece(
            start=0.0,
            length=float(duration),
            is_cold=False,
            used=Used(cpu=work[True], seconds=work[True]),
            artifacts={each.name: () for each in plan.outputs if each.is_whole},
            record_bytes=600,
        )
    rates = Rates(
        second=second,
        fixed=_SLICE,
        opening=_OPENING,
        lead_in=_LEAD_IN,
        share=_FACTOR,
        outputs={each.name: _output(each) for each in plan.outputs if not each.is_whole},
        memory_bytes=_MEMORY_BYTES,
        record_bytes=250.0 * len(plan.outputs),
    )
    return Basis(
        plan=plan,
        rates=rates,
        whole=whole,
        own_start=_START,
        start=_START,
        probe=Cost(cpu=0.05, seconds=0.05),
        planning=Cost(cpu=0.01, seconds=0.01),
        own=_OWN,
        own_memory_bytes=_OWN_MEMORY_BYTES,
        sampled=Sampled(
            seconds=0.0,
            rendered=0.0,
            spots=0,
            is_stopped=False,
            note="No video was given: this is for H.264 in 720p24, with rates that were measured "
            "on another machine. Give a video for an estimate of it on this one.",
        ),
    )


def _output(output: PlannedOutput) -> OutputRates:
    size = output.layout.size
    pixels, format_ = size.width * size.height, output.options.format
    if not isinstance(output.options, Animation):
        each = pixels * _BYTES_A_STILL_PIXEL.get(format_, 0.15)
        return OutputRates(fixed=0.0, each=each, share=_FACTOR)
    each = pixels * _BYTES_A_PIXEL.get(format_, 0.1) * float(output.options.fps)
    if output.options.of != "whole":
        each *= 0.1
    return OutputRates(fixed=2000.0, each=each, share=_FACTOR)
