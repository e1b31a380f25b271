from fractions import Fraction
from itertools import chain
from pathlib import Path

import pytest

import scrubjay
from scrubjay import InlineEngine, Plan, Recipe
from scrubjay.engines.worth import work_of
from scrubjay.errors import RecipeError
from scrubjay.model import Animation, Sheet
from scrubjay.sharding.division import Shard, shard_from, slices_of

_RECIPE = Recipe(
    slice_length=Fraction(1, 2),
    animations=(Animation(width=32), Animation(name="hover", per="video", width=32)),
    frames=(),
    sheets=(Sheet(width=32),),
)


@pytest.fixture(scope="module")
def plan(small_clip: Path) -> Plan:
    """24 slices, and one job for the whole video."""
    return scrubjay.plan(small_clip, recipe=_RECIPE, engine=InlineEngine())


def _work(plan: Plan, index: int) -> float:
    names = [each.name for each in plan.outputs_of(plan.slices[index])]
    return work_of(plan, index, names)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 24, 25, 26, 100])
def test_every_slice_is_in_one_shard(plan: Plan, count: int) -> None:
    """Shards are runs of neighbours in order; none is empty unless there are too many."""
    shards = [slices_of(plan, Shard(number, count)) for number in range(1, count + 1)]
    assert list(chain.from_iterable(shards)) == list(range(25))
    assert [each.index for each in plan.slices if each.is_whole] == [24]
    assert sum(len(shard) > 0 for shard in shards) == min(count, 25)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_shards_have_the_same_work(plan: Plan, count: int) -> None:
    """No shard has more than its share and one slice; so no machine waits long for another."""
    works = [_work(plan, each.index) for each in plan.slices]
    for number in range(1, count + 1):
        mine = sum(works[index] for index in slices_of(plan, Shard(number, count)))
        assert mine <= sum(works) / count + max(works)


@pytest.mark.parametrize(
    ("environ", "count", "shard"),
    [
        ({"JOB_COMPLETION_INDEX": "0"}, 4, Shard(1, 4)),
        ({"JOB_COMPLETION_INDEX": "3"}, 4, Shard(4, 4)),
        ({"AWS_BATCH_JOB_ARRAY_INDEX": "2", "AWS_BATCH_JOB_ARRAY_SIZE": "9"}, None, Shard(3, 9)),
        ({"AWS_BATCH_JOB_ARRAY_INDEX": "2"}, 9, Shard(3, 9)),
        ({"CLOUD_RUN_TASK_INDEX": "7", "CLOUD_RUN_TASK_COUNT": "8"}, None, Shard(8, 8)),
        (
            {
                "SLURM_ARRAY_TASK_ID": "11",
                "SLURM_ARRAY_TASK_COUNT": "4",
                "SLURM_ARRAY_TASK_MIN": "10",
                "SLURM_ARRAY_TASK_MAX": "13",
            },
            None,
            Shard(2, 4),
        ),
        (
            {
                "SLURM_ARRAY_TASK_ID": "5",  # only 3 and 5 of 8 were submitted again
                "SLURM_ARRAY_TASK_COUNT": "2",
                "SLURM_ARRAY_TASK_MIN": "3",
                "SLURM_ARRAY_TASK_MAX": "5",
            },
            8,
            Shard(5, 8),
        ),
        ({"JOB_COMPLETION_INDEX": "1", "CLOUD_RUN_TASK_INDEX": "1"}, 4, Shard(2, 4)),
    ],
)
def test_arrays_number_their_tasks(
    environ: dict[str, str], count: int | None, shard: Shard
) -> None:
    """Slurm counts from where its array begins, or from 1 with --shards; the others from 0."""
    assert shard_from(None, count, environ) == shard


@pytest.mark.parametrize(
    ("text", "count", "environ", "message"),
    [
        (None, None, {}, "which shard is this? Give --shard K/M"),
        (None, 3, {}, "which shard is this?"),
        (None, None, {"JOB_COMPLETION_INDEX": "0"}, "not of how many; add --shards M"),
        (None, 3, {"JOB_COMPLETION_INDEX": "3"}, "JOB_COMPLETION_INDEX=3 is none of 3 shards"),
        (None, 3, {"JOB_COMPLETION_INDEX": "x"}, "JOB_COMPLETION_INDEX='x' is not a whole number"),
        (None, 3, {"SLURM_ARRAY_TASK_ID": "0"}, "SLURM_ARRAY_TASK_ID=0 is none of 3 shards"),
        (None, 3, {"JOB_COMPLETION_INDEX": "0", "CLOUD_RUN_TASK_INDEX": "1"}, "different shards"),
        (
            None,
            None,
            {
                "SLURM_ARRAY_TASK_ID": "5",
                "SLURM_ARRAY_TASK_COUNT": "2",
                "SLURM_ARRAY_TASK_MIN": "3",
                "SLURM_ARRAY_TASK_MAX": "5",
            },
            "add --shards M",
        ),
        ("2/3", 4, {}, "contradict each other"),
        ("0/3", None, {}, "'0/3' is not K/M"),
        ("4/3", None, {}, "'4/3' is not K/M"),
        ("1", None, {}, "'1' is not K/M"),
        ("", None, {}, "'' is not K/M"),
    ],
)
def test_a_shard_that_nobody_names(
    text: str | None, count: int | None, environ: dict[str, str], message: str
) -> None:
    """What is missing or contradicts itself is refused, in words that say what to add."""
    with pytest.raises(RecipeError) as caught:
        shard_from(text, count, environ)
    assert message in str(caught.value)
    assert shard_from("2/3", None, environ) == Shard(2, 3)
