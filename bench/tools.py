"""The programs that are measured: found, or installed into .bench/."""

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.measure import BenchError

__all__ = ["BENCH", "MEDIA", "ROOT", "Tools", "cores", "machine", "run", "tools", "versions"]

ROOT = Path(__file__).resolve().parents[1]
BENCH = ROOT / ".bench"
MEDIA = Path(os.environ.get("SCRUBJAY_MEDIA", ROOT.parent / "shared" / "media"))

_GIFSKI = "gifski@1.7.1"
_MOVIEPY = "moviepy==2.2.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """Where the programs are; None is one that could not be had."""

    python: str
    scrubjay: str
    ffmpeg: str
    gifski: str | None
    moviepy_python: str | None


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Run a command outside every clock, and return what it printed.

    Raises:
        BenchError: it failed.
    """
    argv = [str(each) for each in command]
    done = subprocess.run(
        argv, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL, cwd=cwd
    )
    if done.returncode:
        raise BenchError(f"{' '.join(argv)[:300]}\n{done.stderr.strip()[-600:]}")
    return done.stdout


def tools(*, has_gif_makers: bool = True) -> Tools:
    """Find the programs, and install those that are missing.

    Args:
        has_gif_makers: whether those that only make GIFs are needed.

    Raises:
        BenchError: there is no ffmpeg, and it cannot be installed from here.
    """
    BENCH.mkdir(exist_ok=True)
    return Tools(
        python=sys.executable,
        scrubjay=str(Path(sys.executable).with_name("scrubjay")),
        ffmpeg=_ffmpeg(),
        gifski=_optional("gifski", _gifski) if has_gif_makers else None,
        moviepy_python=_optional("moviepy", _moviepy) if has_gif_makers else None,
    )


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


def versions(found: Tools) -> dict[str, str]:
    """Return the version of everything that is measured, by its name."""
    libraries = run(found.python, "-m", "av", "--version").splitlines()
    codecs = next(
        (line.split(maxsplit=1)[1].replace(" ", "") for line in libraries if "avcodec" in line), "?"
    )
    result = {
        "scrubjay": f"{importlib.metadata.version('scrubjay')}, commit {_commit()}",
        "Python": platform.python_version(),
        "PyAV": f"{importlib.metadata.version('av')} (libavcodec {codecs})",
        "numpy": importlib.metadata.version("numpy"),
        "ffmpeg": run(found.ffmpeg, "-version").split()[2],
    }
    if found.gifski:
        result["gifski"] = run(found.gifski, "--version").split()[-1]
    if found.moviepy_python:
        ask = "import importlib.metadata as m; print(m.version('moviepy'))"
        result["moviepy"] = run(found.moviepy_python, "-c", ask).strip()
    return result


def machine() -> dict[str, str]:
    """Return what this machine is, by words for a table."""
    cpu = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": cpu[0].partition(": ")[2] if cpu else platform.machine(),
        "cores": str(cores()),
        "memory": f"{memory / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "load before": f"{os.getloadavg()[0]:.2f}",
    }


def _commit() -> str:
    try:
        changed = run("git", "status", "--porcelain", "--", "src", cwd=ROOT)
        return run("git", "rev-parse", "--short", "HEAD", cwd=ROOT).strip() + "+" * bool(changed)
    except (BenchError, OSError):
        return "unknown"


def _ffmpeg() -> str:
    if not shutil.which("ffmpeg") and os.geteuid() == 0 and shutil.which("apt-get"):
        print("installing ffmpeg with apt-get", flush=True)
        run("apt-get", "update", "-qq")
        run("apt-get", "install", "-y", "-qq", "ffmpeg")
    program = shutil.which("ffmpeg")
    if program is None:
        raise BenchError("there is no ffmpeg program: `apt install ffmpeg` as root, then try again")
    return program


def _optional(name: str, install: Callable[[], str]) -> str | None:
    try:
        return install()
    except (BenchError, OSError) as error:
        print(f"{name} is left out, for it cannot be installed: {error}", flush=True)
        return None


def _gifski() -> str:
    program = BENCH / "node_modules" / "gifski" / "bin" / "debian" / "gifski"
    if not program.exists():
        print(f"installing {_GIFSKI} with npm", flush=True)
        run("npm", "install", "--no-save", "--prefix", BENCH, _GIFSKI)
    run(program, "--version")
    return str(program)


def _moviepy() -> str:
    python = BENCH / "venv" / "bin" / "python"
    done = BENCH / "venv" / f".{_MOVIEPY}"
    if not done.exists():
        print(f"installing {_MOVIEPY} with pip", flush=True)
        run(sys.executable, "-m", "venv", BENCH / "venv")
        run(python, "-m", "pip", "install", "--quiet", _MOVIEPY)
        done.touch()
    return str(python)
