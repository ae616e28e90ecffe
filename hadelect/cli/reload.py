"""`hadelect reload`: what was taken over, what waits for a restart, what was refused."""

import asyncio
import json
import sys

import click

from hadelect.cli.failures import Exit
from hadelect.cli.options import Source, config_options, format_option
from hadelect.cli.orders import give, operator
from hadelect.cli.whom import socket_of
from hadelect.pb.control_pb2 import ReloadReply, ReloadRequest

SECONDS = 15.0  # The member says itself after 10 s that its files hang.


@click.command()
@format_option
@config_options
def reload(form: str, **source: object) -> None:
    """Make the member on this machine read its configuration again; nothing moves.

    A file with a mistake is refused as a whole: the old configuration holds.

    Exit code: 0 all of it holds or waits for a restart, 1 refused (with the reason), 3 no member
    here to ask.
    """
    socket = socket_of(Source.of(source))
    request = ReloadRequest(operator=operator())
    reply = asyncio.run(give(socket, lambda stub: stub.Reload(request, timeout=SECONDS), SECONDS))
    sys.exit(_tell(reply, form))


def _tell(reply: ReloadReply, form: str) -> Exit:
    if form == "json":
        click.echo(json.dumps(_dict(reply), indent=2))
    else:
        _table(reply)
    return Exit.OK if reply.ok else Exit.REFUSED


def _table(reply: ReloadReply) -> None:
    for problem in reply.problems:
        click.echo(f"hadelect: refused: {problem}", err=True)
    if reply.problems:
        click.echo("hadelect: the old configuration holds", err=True)
        return
    for item in reply.variables:
        remedy = f": {item.remedy}" if item.remedy else ""
        change = f"{item.old or 'unset'} -> {item.new or 'unset'}"
        click.echo(f"{item.outcome}: {item.name}: {change}{remedy}")
    if not reply.variables:
        click.echo("nothing has changed")


def _dict(reply: ReloadReply) -> dict[str, object]:
    return {
        "ok": reply.ok,
        "variables": [
            {
                "name": item.name,
                "old": item.old or None,
                "new": item.new or None,
                "outcome": item.outcome,
                "remedy": item.remedy or None,
            }
            for item in reply.variables
        ],
        "problems": list(reply.problems),
        "warnings": list(reply.warnings),
    }
