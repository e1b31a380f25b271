"""Compares what the bytes of an object are with what its record says."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import pairwise

from scrubjay.verifying.decoding.look import BrokenError, Look
from scrubjay.verifying.decoding.sniffing import look_at
from scrubjay.verifying.wire import Examine, Examined, Wrong

__all__ = ["examined"]


def examined(data: bytes, task: Examine, on_picture: Callable[[], None]) -> Examined:
    """Decode an object and return what is not as expected.

    Pictures of another size than expected are not decoded, because they may fill the memory.

    Args:
        data: the object.
        task: what it should be.
        on_picture: called for each picture that is decoded.
    """
    try:
        look = look_at(data)
    except BrokenError as error:
        return Examined(wrong=(Wrong(check="decode", message=str(error)),), pictures=0)
    wrong = list(_structure(look, task))
    if any(each.check == "dimensions" for each in wrong):
        return Examined(wrong=tuple(wrong), pictures=0)
    pictures, problem = _decoded(look, on_picture)
    if problem:
        wrong.append(Wrong(check="decode", message=problem))
    elif pictures != len(look.starts):
        wrong.append(
            Wrong(
                check="decode",
                message="it gives another number of pictures than it lists",
                expected=str(len(look.starts)),
                found=str(pictures),
            )
        )
    return Examined(wrong=tuple(wrong), pictures=pictures)


def _decoded(look: Look, on_picture: Callable[[], None]) -> tuple[int, str]:
    """Decode every picture; return how many there are, and what went wrong."""
    count = 0
    try:
        for picture in look.pictures():
            height, width, _ = picture.shape
            if (width, height) != (look.width, look.height):
                return count, f"picture {count} of it is {width} x {height} px"
            count += 1
            on_picture()
    except BrokenError as error:
        return count, f"{error}; before that, {count} of {len(look.starts)} pictures could"
    return count, ""


def _structure(look: Look, task: Examine) -> Iterator[Wrong]:
    if look.media_type != task.media_type.partition(";")[0]:
        yield Wrong(
            check="format",
            message="it is of another media type",
            expected=task.media_type,
            found=look.media_type,
        )
    own, planned = (look.width, look.height), (task.canvas.width, task.canvas.height)
    if own != planned:
        yield Wrong(
            check="dimensions",
            message="it has other dimensions than planned",
            expected=f"{planned[0]} x {planned[1]} px",
            found=f"{own[0]} x {own[1]} px",
        )
    count = len(look.starts)
    if count != task.pictures and not (look.may_merge and 0 < count < task.pictures):
        yield Wrong(
            check="frames",
            message="it has another number of pictures",
            expected=str(task.pictures),
            found=str(count),
        )
    elif task.length is not None:
        yield from _times(look, task, task.length)
    if task.picture_bytes != look.picture_bytes:
        yield Wrong(check="frames", message="its pictures lie at other bytes than its record says")
    if task.length is not None and look.is_endless is False and count > 1:
        yield Wrong(check="loop", message="it does not repeat for ever")


def _times(look: Look, task: Examine, length: Fraction) -> Iterator[Wrong]:
    """Compare when pictures begin and end with when they should, in the format's own ticks."""
    ticks = [round(k * task.step / look.tick) for k in range(task.pictures)]
    end = round(length / look.tick)
    spans = [after - before for before, after in pairwise([*ticks, end])]
    # viewers would show a shorter picture for longer, so it takes time from its neighbours
    slack = look.shortest if min(spans) < look.shortest else 0
    least_end = max(end, look.shortest * task.pictures)
    if look.end is not None and look.end not in {end, least_end if slack else end}:
        yield Wrong(
            check="times",
            message="its pictures are not shown for as long as they should be",
            expected=_seconds(end, look.tick),
            found=_seconds(look.end, look.tick),
        )
        return
    due = iter(ticks)
    for place, start in enumerate(look.starts):
        nearest = next((each for each in due if abs(each - start) <= slack), None)
        if nearest is None:
            yield Wrong(
                check="times",
                message=f"picture {place} of it begins at another time than it should",
                expected=_seconds(ticks[place], look.tick),
                found=_seconds(start, look.tick),
            )
            return


def _seconds(ticks: int, tick: Fraction) -> str:
    return f"{float(ticks * tick):.6g} s"
