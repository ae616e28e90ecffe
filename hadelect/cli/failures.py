"""How a command ends when it cannot do what was asked: one sentence with the remedy, one exit code.

The codes of `status` and of monitoring plug-ins (0 to 3) are answers; everything that is no answer
has a code that no script mistakes for one.
"""

from enum import IntEnum
from typing import IO, Any

import click


class Exit(IntEnum):
    OK = 0
    REFUSED = 1
    DEGRADED = 1  # One code for three questions: not the answer one hopes for.
    NONE = 1
    NO_LEADER = 2  # Or more than one.
    NOBODY = 3  # Nobody answered.
    USAGE = 64  # sysexits' EX_USAGE: click's own 2 would say "no leader".
    NO_INPUT = 66  # EX_NOINPUT: a file cannot be read.
    INTERNAL = 70  # EX_SOFTWARE: our bug.
    CONFIG = 78  # EX_CONFIG.
    INTERRUPTED = 130


class Failure(click.ClickException):
    """One or more sentences for stderr, each on a line of its own, and an exit code."""

    def __init__(self, message: str, code: Exit) -> None:
        super().__init__(message)
        self.exit_code = int(code)  # type: ignore[misc]  # click reads it from the instance.

    def show(self, file: IO[Any] | None = None) -> None:
        for line in self.message.splitlines():
            click.echo(f"hadelect: {line}", err=True, file=file)
