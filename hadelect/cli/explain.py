"""`hadelect explain [MEMBER]`: why it is or is not leader, and what holds a failover back.

Law: a member explains itself; only if it does not answer do others say what they know of it.
"""

import asyncio
import json
import sys

import click
import grpc
import grpc.aio
from rich.console import Group, RenderableType
from rich.text import Text

from hadelect.cli.client import (
    LOCAL_SECONDS,
    POOL_SECONDS,
    Silent,
    credentials_of,
    local_stub,
    member_stub,
    words_of,
)
from hadelect.cli.failures import Exit, Failure
from hadelect.cli.knock import knock
from hadelect.cli.options import Source, config_options, format_option
from hadelect.cli.table import console
from hadelect.cli.whom import entry_of, pool_of
from hadelect.config.model import Address, PoolView
from hadelect.pb.control_pb2 import ExplainReply, ExplainRequest
from hadelect.pb.control_pb2_grpc import ControlStub
from hadelect.runtime.explaining import UNREACHABLE, explain_dict

Said = ExplainReply | Silent


@click.command()
@click.argument("member", default="")
@format_option
@config_options
def explain(member: str, form: str, config: str | None, settings: tuple[str, ...]) -> None:
    """Say why MEMBER is or is not leader, what holds a failover back, what would have to happen.

    Without MEMBER: the member on this machine. The first line says what it does; lines with a ! are
    what holds back. Exit code: 0 explained, 3 nobody answered.
    """
    pool = pool_of(Source(config, settings))
    reply = asyncio.run(_explained(pool, entry_of(pool, member) if member else ""))
    if form == "json":
        click.echo(json.dumps(explain_dict(reply), indent=2))
    else:
        console().print(_page(reply))
    sys.exit(Exit.OK)


async def _explained(pool: PoolView, member: str) -> ExplainReply:
    """Raises Failure (3) if nobody answers."""
    local = await _ask_local(pool, member)
    if isinstance(local, ExplainReply) and local.member == local.answered_by:
        return local
    if not member:
        why = local.why if isinstance(local, Silent) else "it answered for another"
        raise Failure(
            f"the member on this machine did not answer ({why}); name one: `hadelect explain"
            f" {pool.members[0].name if pool.members else 'MEMBER'}`",
            Exit.NOBODY,
        )
    entries = pool.members + pool.witnesses
    asked = [entry for entry in entries if entry.name == member]
    own = await _ask(pool, asked[0], member)
    if isinstance(own, ExplainReply):
        return own
    if isinstance(local, ExplainReply):
        return local
    others = [entry for entry in entries if entry.name != member]
    told = await asyncio.gather(*(_ask(pool, entry, member) for entry in others))
    heard = [reply for reply in told if isinstance(reply, ExplainReply)]
    if not heard:
        raise Failure(f"{member} did not answer ({own.why}), nor did any other", Exit.NOBODY)
    return min(heard, key=_silence)


def _silence(reply: ExplainReply) -> float:
    """How long ago the member was heard: the freshest word counts."""
    facts = {fact.name: fact.number for fact in reply.lines[0].facts} if reply.lines else {}
    return facts.get("silence_seconds", float("inf"))


async def _ask_local(pool: PoolView, member: str) -> Said:
    if closed := knock(pool.control_socket):
        return Silent(str(pool.control_socket), closed.words)
    async with local_stub(pool.control_socket) as stub:
        return await _said(stub, str(pool.control_socket), member, LOCAL_SECONDS)


async def _ask(pool: PoolView, entry: Address, member: str) -> Said:
    async with member_stub(entry, credentials_of(pool.tls)) as stub:
        return await _said(stub, entry.name, member, POOL_SECONDS)


async def _said(stub: ControlStub, who: str, member: str, seconds: float) -> Said:
    try:
        async with asyncio.timeout(seconds + 0.1):
            request = ExplainRequest(member=member)
            reply: ExplainReply = await stub.Explain(request, timeout=seconds)
    except grpc.aio.AioRpcError as error:
        return Silent(who, words_of(error))
    except TimeoutError:
        return Silent(who, "no answer in time")
    return reply


def _page(reply: ExplainReply) -> RenderableType:
    colour = {"LEADER": "bold green", UNREACHABLE: "red"}.get(reply.role, "bold")
    lines: list[RenderableType] = []
    for number, line in enumerate(reply.lines):
        if number == 0:
            lines.append(Text(line.text, style=colour))
        else:
            mark, style = ("!", "yellow") if line.holds_back else ("-", "")
            lines.append(Text(f"  {mark} {line.text}", style=style))
    return Group(*lines)
