"""Run the tests of the serverless system: find a Python, install the tools, start pytest."""

import os
import subprocess
import sys
from pathlib import Path

from find_python import find_python
from localaws.tools import prepare

_HERE = Path(__file__).parent


def main() -> int:
    """Return pytest's exit code; 0 without the right Python, except in CI."""
    python = find_python()
    if python is None:
        print(  # noqa: T201
            "No Python 3.13 or 3.12, which Lambda runs: the tests of the serverless system are "
            "not run; install one, or name it in SCRUBJAY_LAMBDA_PYTHON.",
            file=sys.stderr,
        )
        return 1 if os.environ.get("CI") else 0
    prepare(python)
    given = sys.argv[1:]
    where = [] if any(Path(each.partition("::")[0]).exists() for each in given) else [str(_HERE)]
    tests = [sys.executable, "-m", "pytest", *where, *given]
    return subprocess.run(tests, check=False, cwd=_HERE.parents[1]).returncode


if __name__ == "__main__":
    sys.exit(main())
