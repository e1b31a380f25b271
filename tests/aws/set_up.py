"""Install some of the environments that tests need: `python tests/aws/set_up.py emulator`."""

import sys

from find_python import find_python
from localaws.tools import prepare


def main() -> None:
    """Install those that are named. Lambda's Python is best, so that `make test-aws` finds them."""
    prepare(find_python() or sys.executable, sys.argv[1:])


if __name__ == "__main__":
    main()
