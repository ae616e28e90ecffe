"""`hadelect state`: the replicated state of this machine's member, asked of its replication daemon.

Law: all of it goes by the daemon's Unix socket, where owner and group decide who may.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import grpc
import grpc.aio
from google.protobuf.json_format import MessageToDict

from hadelect.cli.client import local_channel, words_of
from hadelect.cli.failures import Exit, Failure
from hadelect.cli.knock import knock
from hadelect.cli.options import Source, config_options, format_option
from hadelect.cli.orders import operator
from hadelect.cli.state_table import Bar, entries_table, state_table
from hadelect.cli.table import console
from hadelect.cli.whom import pool_of
from hadelect.pb import replication_pb2 as pb
from hadelect.pb.replication_pb2_grpc import StateStub

ANSWER_SECONDS = 5.0
ORDER_SECONDS = 600.0  # A restore copies a whole state.
Reply = TypeVar("Reply")


@click.group()
def state() -> None:
    """See the replicated state of this member, and decide about it.

    Exit code: 0 done, 1 refused with the reason, 3 no replication daemon runs here.
    """


@state.command("list")
@click.option("--watch", is_flag=True, help="Stay, show what changes and how transfers go on.")
@format_option
@config_options
def list_(watch: bool, form: str, **source: object) -> None:
    """Show the versions kept here, who has which, and what was kept aside.

    Exit code: 0, or 1 if no controllee could start on this copy, or 3 if no daemon runs here.
    """
    socket = socket_of(Source.of(source))
    if watch:
        asyncio.run(_follow(socket, form))
    reply = asyncio.run(
        ask(socket, lambda stub: stub.List(pb.StateRequest(), timeout=ANSWER_SECONDS))
    )
    _print(reply, form)
    sys.exit(Exit.REFUSED if reply.replica.problem else Exit.OK)


@state.command()
@click.argument("version")
@format_option
@config_options
def show(version: str, form: str, **source: object) -> None:
    """Show what is in VERSION (TERM.SEQUENCE): names, kinds, modes, owners, sizes."""
    entries = asyncio.run(_entries(socket_of(Source.of(source)), version))
    if form == "json":
        click.echo(json.dumps([shown(entry) for entry in entries], indent=2))
    else:
        console().print(entries_table(entries))


@state.command()
@click.argument("version")
@click.option("--reason", metavar="TEXT", required=True, help="Kept in the history.")
@format_option
@config_options
def restore(version: str, reason: str, form: str, **source: object) -> None:
    """Make the content of VERSION the newest version. The controllee must not run."""
    request = pb.RestoreRequest(version=version, reason=reason, operator=operator())
    _order(source, form, lambda stub: stub.Restore(request, timeout=ORDER_SECONDS))


@state.command()
@click.option("--accept-loss", is_flag=True, help="Start without the newest version known.")
@click.option("--accept-empty-state", is_flag=True, help="Start on nothing.")
@click.option("--reason", metavar="TEXT", required=True, help="Kept in the history.")
@format_option
@config_options
def accept(
    accept_loss: bool, accept_empty_state: bool, reason: str, form: str, **source: object
) -> None:
    """Consent, for the next start of the controllee here, to what would hold it back."""
    if accept_loss == accept_empty_state:
        raise click.UsageError("say --accept-loss or --accept-empty-state, one of the two")
    what = pb.ACCEPTANCE_LOSS if accept_loss else pb.ACCEPTANCE_EMPTY_STATE
    request = pb.AcceptRequest(what=what, reason=reason, operator=operator())
    _order(source, form, lambda stub: stub.Accept(request, timeout=ORDER_SECONDS))


@state.command()
@click.argument("aside")
@click.option("--reason", metavar="TEXT", default="", help="Kept in the history.")
@format_option
@config_options
def forget(aside: str, reason: str, form: str, **source: object) -> None:
    """Delete what was kept ASIDE; `hadelect state list` names it. There is no way back."""
    request = pb.ForgetRequest(aside=aside, reason=reason, operator=operator())
    _order(source, form, lambda stub: stub.Forget(request, timeout=ORDER_SECONDS))


# --- asking ---------------------------------------------------------------------------------------


def socket_of(source: Source) -> Path:
    """Of this member's replication daemon. Raises Failure (78)."""
    return pool_of(source).state_dir / "replication.sock"


def require_open(socket: Path) -> None:
    """Raises Failure, with the remedy, if no daemon answers here."""
    closed = knock(socket)
    if closed is None:
        return
    if closed.exit_code is not Exit.NOBODY:
        raise Failure(f"{closed.words}; {closed.remedy}", closed.exit_code)
    raise Failure(
        f"no replication daemon answers on {socket}: start `hadelect replication` on this machine,"
        " or name its configuration with --config",
        Exit.NOBODY,
    )


async def ask(socket: Path, question: Callable[[StateStub], Awaitable[Reply]]) -> Reply:
    """Raises Failure."""
    require_open(socket)
    try:
        async with local_channel(socket) as channel:
            return await question(StateStub(channel))
    except grpc.aio.AioRpcError as error:
        raise failure_of(error) from error


def failure_of(error: grpc.aio.AioRpcError) -> Failure:
    if error.code() is grpc.StatusCode.UNAVAILABLE:
        return Failure(f"the replication daemon went away ({words_of(error)})", Exit.NOBODY)
    return Failure(f"the replication daemon refused: {words_of(error)}", Exit.REFUSED)


async def _entries(socket: Path, version: str) -> list[pb.ShownEntry]:
    async def question(stub: StateStub) -> list[pb.ShownEntry]:
        call = stub.Show(pb.ShowRequest(version=version), timeout=ORDER_SECONDS)
        return [entry async for page in call for entry in page.entries]

    return await ask(socket, question)


def _order(
    source: dict[str, object], form: str, order: Callable[[StateStub], Awaitable[pb.OrderReply]]
) -> None:
    reply = asyncio.run(ask(socket_of(Source.of(source)), order))
    if form == "json":
        click.echo(json.dumps({"ok": reply.ok, "text": reply.text}, indent=2))
    elif reply.ok:
        click.echo(reply.text or "done")
    else:
        click.echo(f"hadelect: refused: {reply.text or 'no reason given'}", err=True)
    sys.exit(Exit.OK if reply.ok else Exit.REFUSED)


# --- showing --------------------------------------------------------------------------------------


def _print(reply: pb.StateReply, form: str) -> None:
    if form == "json":
        click.echo(json.dumps(as_dict(reply), indent=2))
    else:
        console().print(state_table(reply))


async def _follow(socket: Path, form: str) -> None:
    """Until Ctrl-C: what changes, and a bar while a transfer runs."""

    async def replies(stub: StateStub) -> AsyncIterator[pb.StateReply]:
        async for reply in stub.Follow(pb.StateRequest()):
            yield reply

    async def question(stub: StateStub) -> None:
        last = ""
        with Bar(quiet=form == "json") as bar:
            async for reply in replies(stub):
                bar.show(reply)
                reply.ClearField("progress")
                seen = json.dumps(steady(as_dict(reply)), sort_keys=True)
                if seen != last:
                    last = seen
                    _print(reply, form)

    await ask(socket, question)


def steady(said: dict[str, Any]) -> dict[str, Any]:
    """Without what changes all the time: how old a copy is."""
    peers = [{**peer, "replica": {**peer["replica"], "lag_ms": 0}} for peer in said["peers"]]
    return {**said, "peers": peers, "replica": {**said["replica"], "lag_ms": 0}}


def as_dict(reply: pb.StateReply) -> dict[str, Any]:
    """Every field, also those that are empty; numbers as numbers."""
    said: dict[str, Any] = MessageToDict(
        reply, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return {name: _numbers(value) for name, value in said.items()}


_NUMBERS = ("term", "sequence", "lag_ms", "entries", "bytes", "of_bytes", "size")


def _numbers(value: Any, name: str = "") -> Any:
    """JSON of protobuf writes 64 bits as text."""
    if isinstance(value, dict):
        return {key: _numbers(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_numbers(inner) for inner in value]
    return int(value) if name in _NUMBERS and isinstance(value, str) else value


def shown(entry: pb.ShownEntry) -> dict[str, Any]:
    return {
        "root": entry.root,
        "path": entry.path.decode(errors="backslashreplace"),
        "kind": entry.kind,
        "mode": f"{entry.mode:04o}",
        "uid": entry.uid,
        "gid": entry.gid,
        "size": entry.size,
        "target": entry.target.decode(errors="backslashreplace") or None,
    }
