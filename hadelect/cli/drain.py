"""`hadelect drain` and `undrain`: who may lead at all."""

import asyncio
import sys

import click

from hadelect.cli.failures import Exit
from hadelect.cli.options import Source, config_options, format_option
from hadelect.cli.orders import give, operator, tell
from hadelect.cli.whom import entry_of, pool_of
from hadelect.pb.control_pb2 import DrainRequest

SECONDS = 60.0  # A leader hands over first, and its controllee may take its time to stop.


@click.command()
@click.argument("member")
@click.option("--reason", metavar="TEXT", default="", help="Kept in the history.")
@click.option("--force", is_flag=True, help="Even if nobody else could lead.")
@format_option
@config_options
def drain(member: str, reason: str, force: bool, form: str, **source: object) -> None:
    """Keep MEMBER from leading until it is undrained; a leader hands over first.

    Exit code: 0 done, 1 refused with the reason, 3 no member here to ask.
    """
    request = DrainRequest(member=member, reason=reason, force=force)
    sys.exit(_order(request, form, Source.of(source)))


@click.command()
@click.argument("member")
@click.option("--reason", metavar="TEXT", default="", help="Kept in the history.")
@format_option
@config_options
def undrain(member: str, reason: str, form: str, **source: object) -> None:
    """Let MEMBER lead again.

    Exit code: 0 done, 1 refused with the reason, 3 no member here to ask.
    """
    request = DrainRequest(member=member, undrain=True, reason=reason)
    sys.exit(_order(request, form, Source.of(source)))


def _order(request: DrainRequest, form: str, source: Source) -> Exit:
    pool = pool_of(source)
    request.member = entry_of(pool, request.member)
    request.operator = operator()
    reply = asyncio.run(
        give(pool.control_socket, lambda stub: stub.Drain(request, timeout=SECONDS), SECONDS)
    )
    return tell(reply, form)
