"""Feed damaged videos to Scrubjay: `python tests/fuzz/fuzz.py --most 500 --seed 1`.

Each mutant of a file is probed, and one slice of it made, by a real worker process. The last line
counts what came of them. The exit code is 1 if there are findings: each is printed as
`FINDING NAME:SEED why`, and `--replay NAME:SEED` tries it again. `seeds.txt` keeps those that were
fixed.
"""

import argparse
import os
import random
import resource
import sys
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import count, islice
from math import inf
from multiprocessing import get_context
from pathlib import Path

from corpus import corpus
from trials import KINDS, Trials

SEEDS = Path(__file__).with_name("seeds.txt")

Try = tuple[str, int]


def main() -> int:
    """Fuzz, or replay; return 1 if there are findings."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=inf, help="how long to go on, at most")
    parser.add_argument("--most", type=int, help="mutants to try, at most, in each process")
    parser.add_argument("--seed", type=int, default=1, help="which mutants")
    parser.add_argument("--workers", type=int, default=1, help="processes that try mutants")
    parser.add_argument("--only", default="", help="files whose name holds this")
    parser.add_argument("--replay", nargs="+", metavar="NAME:SEED", help="try these mutants only")
    parser.add_argument("--show", nargs="+", default=[], choices=KINDS, help="print these as well")
    parser.add_argument("--seeds", action="store_true", help=f"replay {SEEDS.name} first")
    given = parser.parse_args()
    if not given.replay and given.most is None and given.seconds == inf:
        parser.error("say when to end: --most, --seconds or --replay")
    began = time.monotonic()
    kept = [parsed(each) for each in given.replay or ()]
    kept += known_seeds() if given.seeds else []
    if given.replay:
        tally = _tried(kept, show=KINDS)
    else:
        tally = _tried(kept, show=given.show)
        until = began + given.seconds
        with ProcessPoolExecutor(given.workers, mp_context=get_context("spawn")) as pool:
            runs = [pool.submit(_fuzz, given, number, until) for number in range(given.workers)]
            for run in runs:
                tally += run.result()
    _say(_summary(tally, time.monotonic() - began))
    return 1 if tally["finding"] else 0


def parsed(text: str) -> Try:
    """Read `NAME:SEED`; a name may have colons itself."""
    name, _, seed = text.strip().rpartition(":")
    return name, int(seed)


def known_seeds() -> list[Try]:
    """Return the mutants in which something was found, and is fixed by now."""
    lines = SEEDS.read_text().splitlines()
    return [parsed(line.split("#")[0]) for line in lines if line.split("#")[0].strip()]


def _fuzz(given: argparse.Namespace, number: int, until: float) -> Counter[str]:
    """Try mutants until a time by the monotonic clock, or until there were enough."""
    tries = islice(_drawn(given.seed, number, given.only), given.most)
    return _tried(tries, until=until, show=given.show)


def _drawn(seed: int, number: int, only: str) -> Iterator[Try]:
    """Draw mutants without end; clips that are made here, small and quick, half of the time."""
    names = sorted(name for name in corpus() if only in name)
    made = [name for name in names if name.startswith("made/")] or names
    for index in count():
        rng = random.Random(f"{seed}:{number}:{index}")  # noqa: S311  not for secrets
        yield rng.choice(rng.choice((made, names))), rng.randrange(1 << 32)


def _tried(
    tries: Iterable[Try], *, until: float | None = None, show: Collection[str] = ()
) -> Counter[str]:
    """Try mutants, and count what came of them."""
    files, tally = corpus(), Counter[str]()
    with Trials(files) as trials:
        for name, seed in tries:
            if until is not None and time.monotonic() >= until:
                break
            if name not in files:
                tally["absent"] += 1
                continue
            outcome = trials(name, seed)
            tally[outcome.kind] += 1
            if outcome.kind == "finding":
                _say(f"FINDING {name}:{seed} {outcome.why}")
            elif outcome.kind in show:
                _say(f"{outcome.kind} {name}:{seed} {outcome.why}")
    if _has_children():
        tally["finding"] += 1
        _say("FINDING a worker was left behind")
    tally["ms"] += _cpu_ms()
    return tally


def _has_children() -> bool:
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return False
    return True


def _cpu_ms() -> int:
    """Return what this process and its children have used so far, in ms of CPU."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return round(1000 * sum(each.ru_utime + each.ru_stime for each in used))


def _summary(tally: Counter[str], wall: float) -> str:
    tried = sum(tally[kind] for kind in KINDS)
    counts = ", ".join(f"{kind} {tally[kind]}" for kind in KINDS)
    return f"{tried} mutants, {tally['ms'] / 1000:.0f} s of CPU in {wall:.0f} s: {counts}"


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201  a script


if __name__ == "__main__":
    sys.exit(main())
