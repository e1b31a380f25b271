"""Entry point of the `scrubjay` command: Ctrl-C works while its libraries are being loaded."""

import gc
import sys
from collections.abc import Sequence

__all__ = ["start"]

_VERBS_WITH_A_VIDEO = ("make", "probe", "plan", "gif", "frame", "sheet")


def start() -> None:
    """Run the command line."""
    gc.disable()  # imports leave no garbage, and looking for some takes 20 ms
    try:
        if _opens_a_file(sys.argv):
            from scrubjay.engines.spawn import spawn_ahead  # noqa: PLC0415

            spawn_ahead()  # its libraries load while ours do
        from scrubjay.cli.main import main  # noqa: PLC0415  it takes a while
    except KeyboardInterrupt:
        print("scrubjay: stopped", file=sys.stderr)  # noqa: T201  the command has not begun
        sys.exit(130)  # ExitCode.INTERRUPTED
    gc.freeze()
    gc.enable()
    main()


def _opens_a_file(arguments: Sequence[str]) -> bool:
    """Whether a command line will open a video on this machine, as far as one can see."""
    _, *rest = arguments
    return (
        len(rest) > 1
        and rest[0] in _VERBS_WITH_A_VIDEO
        and not {"-h", "--help"} & set(rest)
        and not any(each.startswith("--nice") for each in rest)
        and "://" not in rest[1]
    )
