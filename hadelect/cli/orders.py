"""Gives one order to the local member and brings its word back.

Law: orders go by the Unix socket only, where owner and group decide who may; the member carries
them to the leader.
"""

import asyncio
import json
import os
import pwd
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import click
import grpc
import grpc.aio

from hadelect.cli.client import local_stub, words_of
from hadelect.cli.failures import Exit, Failure
from hadelect.cli.knock import require_open
from hadelect.pb.control_pb2 import CommandReply, ReloadReply
from hadelect.pb.control_pb2_grpc import ControlStub

Reply = TypeVar("Reply", CommandReply, ReloadReply)


def operator() -> str:
    """Who gives the order, for the history: the person behind sudo, else the login."""
    if name := os.environ.get("SUDO_USER"):
        return name
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


async def give(
    socket: Path, order: Callable[[ControlStub], Awaitable[Reply]], seconds: float
) -> Reply:
    """Raises Failure: 1 not allowed or not over in `seconds`, 3 nobody behind the socket."""
    require_open(socket)
    try:
        async with asyncio.timeout(seconds), local_stub(socket) as stub:
            return await order(stub)
    except TimeoutError as error:
        raise Failure(_too_slow(seconds), Exit.REFUSED) from error
    except grpc.aio.AioRpcError as error:
        code = error.code()
        if code is grpc.StatusCode.DEADLINE_EXCEEDED:
            raise Failure(_too_slow(seconds), Exit.REFUSED) from error
        words = words_of(error)
        if code is grpc.StatusCode.UNAVAILABLE:
            words = f"the member behind {socket} went away ({words}); see `hadelect status`"
            raise Failure(words, Exit.NOBODY) from error
        raise Failure(f"the member refused: {words}", Exit.REFUSED) from error


def _too_slow(seconds: float) -> str:
    return (
        f"no answer within {seconds:g} s; it may still be under way: see `hadelect status`"
        " before you try again"
    )


def tell(reply: CommandReply, form: str) -> Exit:
    """Print what was done, or, on stderr, why not."""
    if form == "json":
        click.echo(
            json.dumps(
                {"ok": reply.ok, "text": reply.text, "leader": reply.leader or None}, indent=2
            )
        )
    elif reply.ok:
        click.echo(reply.text or "done")
    else:
        click.echo(f"hadelect: refused: {reply.text or 'no reason given'}", err=True)
    return Exit.OK if reply.ok else Exit.REFUSED
