"""One mutant, probed and one slice of it made, and what came of it."""

import random
import re
import shutil
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from fractions import Fraction
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import NamedTuple, Self

from mutants import mutant
from PIL import Image

from scrubjay.engines.base import Job
from scrubjay.engines.processes import ProcessEngine
from scrubjay.errors import (
    LimitError,
    OutOfTimeError,
    RenderError,
    ScrubjayError,
    WorkerCrashedError,
    WorkerMemoryError,
    WorkerStalledError,
)
from scrubjay.identity import plan_id
from scrubjay.keys import GENERATIONS, PLAN, USAGE, generation_key, record_key
from scrubjay.limits import Limits
from scrubjay.model import (
    Animation,
    MediaInfo,
    Plan,
    PlannedOutput,
    Recipe,
    Sheet,
    SliceRecord,
    Still,
)
from scrubjay.places.place import Place
from scrubjay.planning import make_plan
from scrubjay.publishing import publish
from scrubjay.sets.state import load_state, save_plan
from scrubjay.sets.store import Store

__all__ = ["KINDS", "Outcome", "Trials"]

KINDS = ("complete", "gap", "refused", "limit", "memory", "time", "crash", "finding")
"""What can come of a mutant, the last one a fault of Scrubjay's:

- `complete`: the slice was made, and is as its plan says
- `gap`: the video was probed, and the slice gives no picture
- `refused`: the video was refused, with a sentence
- `limit`: it would cost more than is allowed
- `memory`, `time`: its worker was ended, for it took too much
- `crash`: its worker died; nothing else did
- `finding`: a raw exception, something wrong in a set, or something left behind
"""

RECIPE = Recipe(
    slice_length=Fraction(1),
    animations=(Animation(fps=Fraction(4), width=48),),
    frames=(Still(interval=Fraction(1, 2), width=64),),
    sheets=(Sheet(interval=Fraction(1, 4), width=32, columns=2),),
)
LIMITS = Limits(
    max_duration=3600,
    max_objects=20_000,
    base_output=16,
    max_pixels=4096 * 2304,
    probe_timeout=10,
    slice_timeout=5,
    memory_limit=512,
)
STALL_SECONDS = 5.0
_TWICE_ONE_IN = 10
_SKEW = Fraction(1, 1000)

_CLASSES: dict[type[ScrubjayError], str] = {
    LimitError: "limit",
    WorkerMemoryError: "memory",
    WorkerStalledError: "time",
    OutOfTimeError: "time",
    WorkerCrashedError: "crash",
}
_BY_CHANCE = {"memory", "time", "crash"}
"""What a busy machine may do to one of two runs of the same mutant."""

_RAW = re.compile(r"[A-Za-z_.]*(Error|Exception|Warning|Interrupt|Exit|StopIteration): ?")
"""How the worker reports an exception that nobody expected (`engines.child`)."""


Damage = Callable[[str, int, Mapping[str, bytes]], bytes]


class Outcome(NamedTuple):
    """What came of a mutant: one of `KINDS`, and in words."""

    kind: str
    why: str = ""


class _WrongError(Exception):
    """Something is wrong in a set that is called complete."""


class Trials(AbstractContextManager["Trials"]):
    """Tries mutants one after another, with one worker for as long as it survives.

    Args:
        corpus: the files by name.
        damage: makes a mutant of a file and a seed.
    """

    def __init__(self, corpus: Mapping[str, bytes], *, damage: Damage = mutant) -> None:
        self._corpus, self._damage = corpus, damage
        self._open = ExitStack()
        self._folder = Path()
        self._engine = ProcessEngine(
            workers=1, attempts=1, stall_timeout=STALL_SECONDS, limits=LIMITS
        )

    def __enter__(self) -> Self:
        self._folder = Path(self._open.enter_context(TemporaryDirectory(prefix="fuzz-")))
        self._open.enter_context(self._engine)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def __call__(self, name: str, seed: int) -> Outcome:
        """Try one mutant; one in ten is tried twice, and must give the same again."""
        video = self._folder / "mutant"
        video.write_bytes(self._damage(name, seed, self._corpus))  # in place: its worker may go on
        first, made = self._try(video, seed)
        if first.kind == "finding" or seed % _TWICE_ONE_IN:
            return first
        second, made_again = self._try(video, seed)
        if {first.kind, second.kind} & _BY_CHANCE or second.kind == "finding":
            return second
        if first != second:
            return Outcome("finding", f"two runs differ: {first} and then {second}")
        differing = sorted(key for key in made | made_again if made.get(key) != made_again.get(key))
        if differing:
            return Outcome("finding", f"two runs differ in {', '.join(differing)}")
        return first

    def _try(self, video: Path, seed: int) -> tuple[Outcome, dict[str, bytes]]:
        """Make one slice; return what came of it, and the files that it made."""
        destination = self._folder / "set"
        try:
            return self._made(video, destination, seed), _files(destination)
        except ScrubjayError as error:
            return self._failed(error, destination), {}
        except _WrongError as error:
            return Outcome("finding", f"a wrong set: {error}"), {}
        except Exception as error:  # noqa: BLE001  that is what is looked for
            last = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(last.filename).name}:{last.lineno}"
            return Outcome("finding", f"in the parent: {error!r} at {where}"), {}
        finally:
            shutil.rmtree(destination, ignore_errors=True)

    def _made(self, video: Path, destination: Path, seed: int) -> Outcome:
        place, store = Place.of(video), Store.open(destination)
        source, media, versions = self._engine.probe(place)
        _check_media(media)
        plan = make_plan(source, media, RECIPE, LIMITS, versions=versions)
        save_plan(store, plan)
        index = random.Random(seed).randrange(len(plan.slices))  # noqa: S311  not for secrets
        missing = {index: tuple(output.name for output in plan.outputs)}
        ran = self._engine.run(Job(plan, place, store), missing, lambda _: None)
        if ran.lost:
            outcome = self._failed(ran.lost[index], destination)
            return Outcome("gap", outcome.why) if outcome.kind == "refused" else outcome
        records = load_state(store, plan).made.get(index)
        if records is None or records != ran.records[index]:
            raise _WrongError("the slice was made, and a record or an object is not right")
        expected = _state_of(plan) | {
            key
            for output in plan.outputs
            for record in [records[output.name]]
            for key in (record_key(output.id, record.start, record.end), *record.sizes())
        }
        if found := set(_files(destination)) ^ expected:
            raise _WrongError(f"files left behind, or missing: {', '.join(sorted(found))}")
        for output in plan.outputs:
            for wrong in _wrong(plan, output, records[output.name], destination):
                raise _WrongError(wrong)
        manifest = publish(plan, store)
        if (manifest.status == "complete") != (len(plan.slices) == 1):
            raise _WrongError(f"it is called {manifest.status}, with {len(plan.slices)} slices")
        return Outcome("complete")

    def _failed(self, error: ScrubjayError, destination: Path) -> Outcome:
        """Say what an error means; a raw one is a finding, and so are files that it leaves."""
        kind = _CLASSES.get(type(error), "refused")
        why = f"{type(error).__name__}: {error}"
        if isinstance(error, RenderError) and _RAW.match(str(error)):
            return Outcome("finding", f"raw: {error}")
        if kind == "crash" and "was killed by" not in str(error):
            return Outcome("finding", f"no signal ended the worker: {error}")
        if kind not in _BY_CHANCE:  # a worker that was killed leaves what the run's end sweeps up
            kept = (PLAN, GENERATIONS)
            left = [key for key in sorted(_files(destination)) if not key.startswith(kept)]
            staged = [key for key in left if not key.endswith((".jpg", ".gif"))]
            if staged:
                return Outcome("finding", f"left behind after {why}: {', '.join(staged)}")
        return Outcome(kind, why)


def _state_of(plan: Plan) -> set[str]:
    """Return the keys of what a run writes before its first slice."""
    return {PLAN, generation_key(plan_id(plan))}


def _files(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder by key, but not what a run notes of its usage."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.as_posix().endswith(USAGE)
    }


def _check_media(media: MediaInfo) -> None:
    """Check that what probing found can be true."""
    times = {
        "duration": media.duration,
        "first picture": media.first_picture,
        "origin": media.origin,
    }
    for what, time in times.items():
        if not isfinite(time):
            raise _WrongError(f"its {what} is {time}")
    if media.duration <= 0 or not media.first_picture <= media.duration:
        raise _WrongError(
            f"it lasts {float(media.duration)} s, and its first picture is shown at "
            f"{float(media.first_picture)} s"
        )


def _wrong(plan: Plan, output: PlannedOutput, record: SliceRecord, folder: Path) -> Iterator[str]:
    """Say what of a slice's output is not as its plan says."""
    media = plan.media
    for artifact in record.artifacts:
        for place, source_time in enumerate(artifact.source_times):
            time = artifact.start + place * output.options.spacing
            where = f"at {float(time)} s {output.name} show the picture of {float(source_time)} s"
            if source_time > max(time, media.first_picture) + _SKEW:
                yield f"{where}, which comes later (first picture: {float(media.first_picture)} s)"
            if source_time >= media.duration:
                yield f"{where}, and it lasts {float(media.duration)} s"
        size = output.canvas
        yield from _unlike(folder / artifact.key, (size.width, size.height))


def _unlike(path: Path, size: tuple[int, int]) -> Iterator[str]:
    """Say it if a picture does not decode to the end, or has another size."""
    try:
        with Image.open(path) as picture:
            for number in range(getattr(picture, "n_frames", 1)):
                picture.seek(number)
                picture.load()
            if picture.size != size:
                yield f"{path.name} has {picture.size} px instead of {size}"
    except (OSError, SyntaxError, EOFError) as error:
        yield f"{path.name} does not decode: {error}"
