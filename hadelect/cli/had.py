"""`hadelect had`: becomes the supervisor.

Law: this process does not stay. What click and its imports cost is gone with the exec, so that the
process which keeps "never two" (design section 4) is the standard library and nothing else.
"""

import os
import sys
from dataclasses import replace

import click

from hadelect.cli.failures import Exit, Failure
from hadelect.cli.options import Source, config_options

# -P: `python -m` would put the working directory first on the path, and any file there that is
# named like a module of the library would run as root.
INTERPRETER_FLAGS = ("-P",)
SUPERVISOR = "hadelect.supervisor"


def supervisor_argv(python: str, arguments: tuple[str, ...]) -> list[str]:
    return [python, *INTERPRETER_FLAGS, "-m", SUPERVISOR, "--", *arguments]


@click.command()
@click.option(
    "-p",
    "--port",
    type=click.IntRange(1, 65535),
    help="This member's port in HAD_LIST; with its own addresses it finds its entry.",
)
@click.option("--member", metavar="ENTRY", help="This member's HAD_LIST entry, outright.")
@click.option(
    "--reset-membership",
    is_flag=True,
    help="Take the voters' list of the file, not the durable one. Stop all members first.",
)
@click.option("-f", "_foreground", is_flag=True, hidden=True, help="As condor_had: always so here.")
@click.option("-t", "_terminal", is_flag=True, hidden=True, help="As condor_had: HAD_LOG decides.")
@config_options
def had(port: int | None, member: str | None, reset_membership: bool, **given: object) -> None:
    """Run this central manager's HAD in the foreground.

    SIGTERM stops the controllee, resigns and ends with 0; SIGHUP reloads the configuration.
    Exit code 78: the configuration, with every error on a line of its own.
    """
    source = replace(Source.of(given), member=member)
    arguments = (
        *(("-p", str(port)) if port is not None else ()),
        *source.arguments,
        *(("--reset-membership",) if reset_membership else ()),
    )
    sys.stdout.flush()
    try:
        os.execv(sys.executable, supervisor_argv(sys.executable, arguments))  # noqa: S606
    except OSError as error:
        raise Failure(
            f"cannot start {sys.executable}: {error.strerror}; reinstall hadelect", Exit.INTERNAL
        ) from error
