"""The examples for systemd and cron are valid, and their command lines too."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from scrubjay.cli.main import cli

_DEPLOY = Path(__file__).parents[2] / "deploy"
_UNITS = sorted((_DEPLOY / "systemd").iterdir())
_PROGRAM = "/usr/local/bin/scrubjay"


def _parses(command: str) -> None:
    """Parse a command line as the program does, without running it."""
    program, verb, *arguments = shlex.split(command)
    assert program == _PROGRAM
    subcommand = cli.commands[verb]
    with click.Context(cli, **cli.context_settings) as parent:  # as the program does: it has -h
        subcommand.make_context(verb, arguments, parent=parent)


def test_units_are_valid(tmp_path: Path) -> None:
    """`systemd-analyze verify` finds nothing to say about them."""
    if not (analyze := shutil.which("systemd-analyze")):
        pytest.skip("no systemd-analyze: install systemd")
    for unit in _UNITS:  # it looks for the program
        (tmp_path / unit.name).write_text(unit.read_text().replace(_PROGRAM, sys.executable))
    done = subprocess.run(
        [analyze, "verify", "--man=no", *(str(tmp_path / unit.name) for unit in _UNITS)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert not re.findall(r"^.*scrubjay.*$", done.stderr, re.MULTILINE)


def test_their_commands_parse() -> None:
    """Every option in them exists."""
    commands = [
        line.removeprefix("ExecStart=")
        for unit in _UNITS
        for line in unit.read_text().splitlines()
        if line.startswith("ExecStart=")
    ]
    cron = [line for line in (_DEPLOY / "cron").read_text().splitlines() if line[0] != "#"]
    assert [line.split(" ", 5)[:5] for line in cron] == [["0", "1", "*", "*", "*"]]
    for command in [*commands, *(line.split(" ", 5)[5] for line in cron)]:
        _parses(command)
    assert len(commands) == 3
