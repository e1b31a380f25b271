"""The `scrubjay` command's entry: says so in one sentence if its libraries are not installed."""

import gc
import sys

__all__ = ["start"]


def start() -> None:
    """Run the command line."""
    gc.disable()  # of what is loaded nothing is garbage: looking for it would take 20 ms
    try:
        from scrubjay.cli.main import main  # noqa: PLC0415  its libraries are an extra
    except ModuleNotFoundError as exc:
        if exc.name not in {"click", "rich"}:
            raise
        sys.exit("The command line needs two more libraries: pip install 'scrubjay[cli]'")
    except KeyboardInterrupt:
        print("scrubjay: stopped", file=sys.stderr)  # noqa: T201  before anything was begun
        sys.exit(130)  # ExitCode.INTERRUPTED
    gc.freeze()
    gc.enable()
    main()
