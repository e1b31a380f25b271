from collections.abc import Iterator, Mapping

import pytest
from corpus import MEDIA, corpus
from mutants import mutant
from trials import Trials

from fuzz import known_seeds


@pytest.fixture(scope="module")
def files() -> Mapping[str, bytes]:
    """Every file that is damaged, by name."""
    return corpus()


@pytest.fixture
def trials(files: Mapping[str, bytes]) -> Iterator[Trials]:
    """What tries mutants."""
    with Trials(files) as trials:
        yield trials


@pytest.mark.parametrize(("name", "seed"), known_seeds())
def test_no_fault_comes_back(
    name: str, seed: int, files: Mapping[str, bytes], trials: Trials
) -> None:
    """A damaged video in which fuzzing found a fault gives a right set, or a plain error."""
    if name not in files:
        pytest.skip(f"no {name} in {MEDIA}")
    outcome = trials(name, seed)
    assert outcome.kind != "finding", outcome.why


def test_a_seed_is_one_mutant(files: Mapping[str, bytes]) -> None:
    """The same name and seed give the same bytes, and another seed gives others."""
    first, again, other = (mutant("made/h264.mp4", seed, files) for seed in (5, 5, 6))
    assert first == again
    assert first != other


def test_a_whole_clip_is_complete(files: Mapping[str, bytes]) -> None:
    """Clips that are made here, undamaged, are complete: damage has something to break."""
    unharmed = {name: data for name, data in files.items() if name == "made/h264.mp4"}
    with Trials(unharmed, damage=lambda name, _seed, known: known[name]) as trials:
        assert trials("made/h264.mp4", 0).kind == "complete"
