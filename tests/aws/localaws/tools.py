"""The programs that the tests run, each in an environment of its own, with exact versions.

Three environments, because their versions exclude each other, and because what runs a function
must hold nothing that the function should have brought along:
`tools` builds and lints, `emulator` is the emulated AWS, `image` is what Lambda's own image holds.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

__all__ = ["ROOT", "TEMPLATE", "WORK", "alone", "prepare", "program", "python", "run", "scrubbed"]

ROOT = Path(__file__).parents[3]
"""The checkout."""
WORK = ROOT / ".aws"
"""Where environments and bundles are kept between runs; git does not see it."""
TEMPLATE = ROOT / "deploy" / "aws" / "template.yaml"

_UV = str(Path(sys.executable).parent / "uv")
_ENVIRONMENTS = ("tools", "emulator", "image")
_NAMES_OF_SECRETS = ("AWS_", "SAM_", "SCRUBJAY_", "LOCALSTACK_", "MINISTACK_")


def prepare(interpreter: str, names: Sequence[str] = _ENVIRONMENTS) -> None:
    """Make the environments, or those that are not as the pins in pyproject.toml say."""
    pins = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    for name in names:
        folder, group = WORK / name, f"aws-{name}"
        key = hashlib.sha256(f"{interpreter} {pins[group]}".encode()).hexdigest()
        stamp = folder / ".made"
        with alone(name):  # `make test` and `make test-aws` may run side by side
            if stamp.is_file() and stamp.read_text() == key:
                continue
            print(f"Installing {', '.join(pins[group])} ...", flush=True)  # noqa: T201
            _call(interpreter, "-m", "venv", "--clear", "--without-pip", str(folder))
            install = (_UV, "pip", "install", "--quiet", "--python", python(name))
            _call(*install, "--group", f"{ROOT / 'pyproject.toml'}:{group}")
            stamp.write_text(key)


@contextmanager
def alone(what: str) -> Iterator[None]:
    """Let one process at a time do something to the folder of environments and bundles."""
    WORK.mkdir(exist_ok=True)
    with (WORK / f".{what}.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # closing the file lets go of it
        yield


def python(name: str) -> str:
    """Return the Python of an environment."""
    return str(WORK / name / "bin" / "python")


def program(name: str, environment: str = "tools") -> str:
    """Return the path of a program of an environment."""
    return str(WORK / environment / "bin" / name)


def scrubbed(**extra: str) -> dict[str, str]:
    """Return this process's environment without any account, and with the tools on PATH."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(_NAMES_OF_SECRETS)}
    interpreter = Path(python("image")).resolve().parent  # uv asks for the runtime's Python
    path = os.pathsep.join([str(WORK / "tools" / "bin"), str(interpreter), os.environ["PATH"]])
    return {
        **kept,
        "PATH": path,
        "SAM_CLI_TELEMETRY": "0",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        **extra,
    }


def run(
    *command: str, env: Mapping[str, str] | None = None, cwd: Path | None = None, timeout: int = 900
) -> str:
    """Run a program to its end, and return what it printed.

    Raises:
        AssertionError: it failed; the message is all that it said.
    """
    done = subprocess.run(
        command,
        env=dict(env) if env is not None else scrubbed(),
        cwd=cwd or ROOT,
        timeout=timeout,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def _call(*command: str | Sequence[str]) -> None:
    subprocess.run([str(part) for part in command], check=True)
