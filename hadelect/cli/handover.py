"""`hadelect handover`: a planned move, and the wait until it is one.

Law: "moved" means that the controllee runs on the new leader, not that somebody agreed.
"""

import asyncio
import sys

import click

from hadelect.cli.client import Answers, ask, boottime
from hadelect.cli.merge import leaders, merged
from hadelect.cli.options import Source, config_options, format_option
from hadelect.cli.orders import give, operator, tell
from hadelect.cli.verdict import RUNNING
from hadelect.cli.whom import entry_of, pool_of
from hadelect.config.model import PoolView
from hadelect.pb.control_pb2 import CommandReply, HandoverRequest, MemberStatus

RETRY_SECONDS = 0.1
GRACE_SECONDS = 2.0  # The member answers at the end of --wait; let its answer arrive.


@click.command()
@click.option("--to", metavar="MEMBER", default="", help="Whom to.  [default: the next fit one]")
@click.option("--dry-run", is_flag=True, help="Only say whether it would be done.")
@click.option(
    "--wait",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    default=30.0,
    show_default=True,
    help="How long it may take until the controllee runs there.",
)
@click.option("--reason", metavar="TEXT", default="", help="Kept in the history.")
@click.option(
    "--force",
    is_flag=True,
    help="The old controllee could not be killed: you vouch for its death. Needs --reason.",
)
@format_option
@config_options
def handover(  # noqa: PLR0913, PLR0917 - One parameter per option.
    to: str, dry_run: bool, wait: float, reason: str, force: bool, form: str, **source: object
) -> None:
    """Move the leadership and its controllee to another member, without overlap.

    Exit code: 0 moved, 1 refused or not over in time (with the reason), 3 no member here to ask.
    """
    if force and not reason.strip():
        raise click.UsageError("--force needs --reason: it is written down who vouched, and why")
    pool = pool_of(Source.of(source))
    request = HandoverRequest(
        to=entry_of(pool, to) if to else "",
        dry_run=dry_run,
        wait_seconds=wait,
        reason=reason,
        operator=operator(),
        force=force,
    )
    sys.exit(tell(asyncio.run(_move(pool, request)), form))


async def _move(pool: PoolView, request: HandoverRequest) -> CommandReply:
    until = boottime() + request.wait_seconds
    before = _leader(await ask(pool))
    seconds = request.wait_seconds + GRACE_SECONDS
    reply: CommandReply = await give(
        pool.control_socket, lambda stub: stub.Handover(request, timeout=seconds), seconds
    )
    if request.dry_run or not reply.ok:
        return reply
    left = before.member if before else ""
    return await _arrived(pool, reply, left, until)


async def _arrived(pool: PoolView, reply: CommandReply, left: str, until: float) -> CommandReply:
    """Wait until a leader other than `left` (unless the reply names it) runs its controllee."""
    while True:
        now = _leader(await ask(pool))
        moved = now is not None and (now.member != left or now.member == reply.leader)
        if now and moved and now.controllee.state == RUNNING:
            text = reply.text or f"{now.member} leads in term {now.term}"
            return CommandReply(ok=True, text=text, leader=now.member)
        if boottime() + RETRY_SECONDS > until:
            return _late(now if moved else None)
        await asyncio.sleep(RETRY_SECONDS)


def _late(now: MemberStatus | None) -> CommandReply:
    if now is None:
        text = "agreed, but nobody has taken over yet; see `hadelect status`"
        return CommandReply(ok=False, text=text)
    name, state = now.controllee.name or "its controllee", now.controllee.state or "unknown"
    text = f"{now.member} leads, but {name} is not running there yet ({state}); see its log"
    return CommandReply(ok=False, text=text, leader=now.member)


def _leader(answers: Answers) -> MemberStatus | None:
    found = leaders(merged(answers))
    return found[0] if len(found) == 1 else None
