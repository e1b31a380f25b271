"""Entry point of the `scrubjay` command: Ctrl-C works while its libraries are being loaded."""

import gc
import os
import sys
from collections.abc import Sequence

__all__ = ["start"]

_VERBS_WITH_A_VIDEO = ("make", "probe", "plan", "gif", "frame", "sheet")


def start() -> None:
    """Run the command line."""
    _hide_password()
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


def _hide_password() -> None:
    """Begin again without `--database`, if it contains a password: others see a command line.

    The address is then in the environment, which others do not see.
    """
    for place, text in enumerate(sys.argv):
        name, sign, address = text.partition("=")
        if name != "--database":
            continue
        rest = sys.argv[place + 1 :]
        if not sign:
            address, rest = (rest or [""])[0], rest[1:]
        if "password" in address or ":" in address.partition("://")[2].rpartition("@")[0]:
            before = sys.orig_argv[1 : len(sys.orig_argv) - len(sys.argv) + 1]
            arguments = [*before, *sys.argv[1:place], *rest]
            os.environ["SCRUBJAY_DATABASE"] = address
            os.execv(sys.executable, [sys.executable, *arguments])  # noqa: S606  this very command


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
