"""`hadelect replication`: becomes the replication daemon.

Law: this process does not stay: what click and its imports cost is gone with the exec.
"""

import os
import sys
from dataclasses import replace

import click

from hadelect.cli.failures import Exit, Failure
from hadelect.cli.had import INTERPRETER_FLAGS
from hadelect.cli.options import Source, config_options

DAEMON = "hadelect.replication"


@click.command()
@click.option(
    "-p",
    "--port",
    type=click.IntRange(1, 65535),
    help="This daemon's port in REPLICATION_LIST; with its own addresses it finds its entry.",
)
@click.option("--member", metavar="ENTRY", help="This member's HAD_LIST entry, outright.")
@click.option("-f", "_foreground", is_flag=True, hidden=True, help="As condor_replication.")
@click.option("-t", "_terminal", is_flag=True, hidden=True, help="REPLICATION_LOG decides.")
@config_options
def replication(port: int | None, member: str | None, **given: object) -> None:
    """Run this member's replication daemon in the foreground, beside `hadelect had`.

    SIGTERM ends it, SIGHUP reloads the configuration; neither moves the leader. Exit code 78: the
    configuration, with every error on a line of its own.
    """
    source = replace(Source.of(given), member=member)
    arguments = (*(("-p", str(port)) if port is not None else ()), *source.arguments)
    sys.stdout.flush()
    argv = [sys.executable, *INTERPRETER_FLAGS, "-m", DAEMON, *arguments]
    try:
        os.execv(sys.executable, argv)  # noqa: S606
    except OSError as error:
        raise Failure(
            f"cannot start {sys.executable}: {error.strerror}; reinstall hadelect", Exit.INTERNAL
        ) from error
