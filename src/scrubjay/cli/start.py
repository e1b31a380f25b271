"""The `scrubjay` command's entry: it can be stopped while its libraries are being loaded."""

import gc
import sys

__all__ = ["start"]


def start() -> None:
    """Run the command line."""
    gc.disable()  # of what is loaded nothing is garbage: looking for it would take 20 ms
    try:
        from scrubjay.cli.main import main  # noqa: PLC0415  it takes a while
    except KeyboardInterrupt:
        print("scrubjay: stopped", file=sys.stderr)  # noqa: T201  before anything was begun
        sys.exit(130)  # ExitCode.INTERRUPTED
    gc.freeze()
    gc.enable()
    main()
