"""Which slices a shard has, and which shard a command is: the K of M that starts it says so. Pure.

A shard is a run of neighbouring slices, because a worker decodes on from one to the next. Shards
differ little in work, which is estimated from the plan alone, so every machine divides it alike.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from scrubjay.engines.worth import work_of
from scrubjay.errors import RecipeError
from scrubjay.model import Plan

__all__ = ["Shard", "shard_from", "slices_of"]

_SHARD = re.compile(r"(\d{1,9})/(\d{1,9})")


@dataclass(frozen=True, slots=True)
class Shard:
    """One of several parts of a plan."""

    number: int
    """From 1."""
    count: int

    @classmethod
    def of(cls, text: str) -> "Shard":
        """Parse "2/3": the second of three.

        Raises:
            RecipeError: it is something else.
        """
        found = _SHARD.fullmatch(text)
        shard = cls(int(found[1]), int(found[2])) if found else None
        if shard is None or not 1 <= shard.number <= shard.count:
            raise RecipeError(
                f"the shard {text!r} is not K/M, such as 2/3: which one, from 1, of how many"
            )
        return shard


def slices_of(plan: Plan, shard: Shard) -> range:
    """Return the indexes of a shard's slices: none if there are more shards than slices.

    The shards of a plan, from 1 to their count, have each slice once. The job for the whole video
    is the plan's last slice, so the last shard that has any has it.
    """
    works = [
        work_of(plan, each.index, [output.name for output in plan.outputs_of(each)])
        for each in plan.slices
    ]
    return next(islice(_shares(works, shard.count), shard.number - 1, None))


def _shares(works: Sequence[float], count: int) -> Iterator[range]:
    """Yield the positions of each share of some work: neighbours, and at least one if possible."""
    first, left = 0, sum(works)
    for shares in range(count, 0, -1):
        end, mine = first, 0.0
        while end < len(works) and (
            shares == 1
            or end == first
            or (mine + works[end] / 2 <= left / shares and len(works) - end >= shares)
        ):
            mine += works[end]
            end += 1
        yield range(first, end)
        first, left = end, left - mine


def shard_from(text: str | None, count: int | None, environ: Mapping[str, str]) -> Shard:
    """Return which shard a command is to make.

    Args:
        text: K/M as a person wrote it; None to find it in the environment.
        count: how many shards there are, for systems that name only the task's own number.
        environ: the environment, in which a system that runs arrays of tasks numbers them.

    Raises:
        RecipeError: neither says it, or they contradict each other.
    """
    if text is not None:
        shard = Shard.of(text)
        if count not in {None, shard.count}:
            raise RecipeError(f"--shard {text} and --shards {count} contradict each other")
        return shard
    found = {name: shard for name, shard in _numbered(environ, count) if shard}
    if len(set(found.values())) == 1:
        name, shard = next(iter(found.items()))
        if not 1 <= shard.number <= shard.count:
            raise RecipeError(
                f"{name}={environ[name]} is none of {shard.count} shards; give as many tasks as "
                "shards, or --shard K/M"
            )
        return shard
    if found:
        raise RecipeError(f"{' and '.join(found)} name different shards; give --shard K/M")
    numbered = [name for name in _SYSTEMS if name in environ]
    raise RecipeError(
        f"{numbered[0]} says which shard this is, but not of how many; add --shards M"
        if numbered
        else "which shard is this? Give --shard K/M, such as 2/3, or run it as a task of an array "
        f"({', '.join(_SYSTEMS)})"
    )


_SYSTEMS = {
    "JOB_COMPLETION_INDEX": "",
    "AWS_BATCH_JOB_ARRAY_INDEX": "AWS_BATCH_JOB_ARRAY_SIZE",
    "SLURM_ARRAY_TASK_ID": "SLURM_ARRAY_TASK_COUNT",
    "CLOUD_RUN_TASK_INDEX": "CLOUD_RUN_TASK_COUNT",
}
"""Where Kubernetes, AWS Batch, Slurm and Cloud Run write a task's number, and how many there are.
Kubernetes names no count. All but Slurm count from 0."""


def _numbered(environ: Mapping[str, str], count: int | None) -> Iterator[tuple[str, Shard | None]]:
    """Yield what each system that numbers this task says; None if it names no count."""
    for name, of in _SYSTEMS.items():
        if name not in environ:
            continue
        number = _number(environ, name)
        if name == "SLURM_ARRAY_TASK_ID" and count is None:
            yield name, _in_slurm(environ, number)
            continue
        most = count if count is not None else _number(environ, of) if of in environ else None
        first = 1 if name == "SLURM_ARRAY_TASK_ID" else 0
        yield name, None if most is None else Shard(number - first + 1, most)


def _in_slurm(environ: Mapping[str, str], number: int) -> Shard | None:
    """Return the shard of a task in Slurm, whose arrays begin anywhere and may have gaps.

    Raises:
        RecipeError: the array has gaps, so its tasks are no shards; only some were submitted again.
    """
    names = ("SLURM_ARRAY_TASK_COUNT", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_MAX")
    if any(name not in environ for name in names):
        return None
    count, first, last = (_number(environ, name) for name in names)
    if last - first + 1 != count:
        raise RecipeError(
            f"the Slurm array has {count} tasks between {first} and {last}, so they do not say how "
            "many shards there are; number tasks from 1 and add --shards M"
        )
    return Shard(number - first + 1, count)


def _number(environ: Mapping[str, str], name: str) -> int:
    try:
        return int(environ[name])
    except ValueError:
        raise RecipeError(f"{name}={environ[name]!r} is not a whole number") from None
