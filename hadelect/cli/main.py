"""The command `hadelect`: finds the sub-command, and lets no traceback reach a user.

Law: a sub-command is imported when it is used; `--help` and `--version` import none of them, and
gRPC is loaded only by those that talk to members.
"""

import os
import sys
from typing import NoReturn

import click

from hadelect import __version__
from hadelect.cli.failures import Exit
from hadelect.cli.lazy import LazyGroup

# name -> (module, attribute, what it does). The third is what `hadelect --help` shows.
COMMANDS = {
    "had": ("hadelect.cli.had", "had", "Run this central manager's HAD in the foreground."),
    "replication": ("hadelect.cli.replication", "replication", "Run its replication daemon."),
    "status": ("hadelect.cli.status", "status", "Show the pool: who leads, who could."),
    "leader": ("hadelect.cli.leader", "leader", "Print the leader's HAD_LIST entry."),
    "explain": ("hadelect.cli.explain", "explain", "Say why a member is or is not leader."),
    "history": ("hadelect.cli.history", "history", "Show what changed, when and why."),
    "replay": ("hadelect.cli.replay", "replay", "Replay what a flight recorder kept."),
    "handover": ("hadelect.cli.handover", "handover", "Move the leadership, planned, no overlap."),
    "drain": ("hadelect.cli.drain", "drain", "Keep a member from leading."),
    "undrain": ("hadelect.cli.drain", "undrain", "Let a drained member lead again."),
    "reload": ("hadelect.cli.reload", "reload", "Read the configuration again, nothing moves."),
    "state": ("hadelect.cli.state", "state", "See, restore, accept replicated state."),
    "check": ("hadelect.cli.check", "check", "Judge a configuration or the running pool."),
    "demo": ("hadelect.cli.demo", "demo", "See failovers on this machine, with a toy scheduler."),
}


@click.group(
    cls=LazyGroup, table=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="hadelect", message="%(prog)s %(version)s")
def cli() -> None:
    """Exactly one scheduler on a few central managers.

    A member runs `hadelect had`; everything else asks members or tells them something. Start with
    `hadelect demo`.
    """


def main() -> NoReturn:
    """The console script. Usage errors exit 64, configuration 78, Ctrl-C 130, our own bugs 70."""
    try:
        answer = cli.main(prog_name="hadelect", standalone_mode=False)
        code = answer if isinstance(answer, int) else int(Exit.OK)
    except click.UsageError as error:
        click.echo(_misuse(error), err=True)
        code = int(Exit.USAGE)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        code = int(Exit.INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - The composition root: our bug, in one line.
        code = int(Exit.INTERNAL)
        _admit(error)
    sys.exit(code)


def _misuse(error: click.UsageError) -> str:
    where = error.ctx.command_path if error.ctx else "hadelect"
    return f"hadelect: {error.format_message().rstrip('.')}; see `{where} --help`"


def _admit(error: Exception) -> None:
    if os.environ.get("HADELECT_TRACEBACK"):
        raise error
    click.echo(
        f"hadelect: internal error, please report it: {type(error).__name__}: {error}"
        " (HADELECT_TRACEBACK=1 shows where)",
        err=True,
    )


if __name__ == "__main__":
    main()
