"""What the pool says, again and again: the source of `status --watch` and of every wait.

Law: an answer is as old as its `at`, and nothing here makes it younger. While the local member
answers, Control.Watch brings every change at once and one Status a second proves that it is still
there; a stream alone cannot tell "nothing changed" from "nobody is there".
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import grpc.aio

from hadelect.cli.client import Answers, Silent, ask, ask_local, boottime, local_stub
from hadelect.config.model import PoolView
from hadelect.pb.control_pb2 import StatusReply, StatusRequest

POLL_SECONDS = 1.0


async def news(pool: PoolView, poll: float = POLL_SECONDS) -> AsyncGenerator[Answers, None]:
    """Endless; at least every 1.5 s + `poll`, though maybe only to say that nobody answers."""
    while True:
        answers = await ask(pool)
        yield answers
        if answers.local:
            async with aclosing(_watched(pool, poll)) as watched:
                async for answers in watched:
                    yield answers
        # Also after a Watch that broke: one that is refused at once must not become a busy loop.
        await asyncio.sleep(poll / 4 if answers.local else poll)


async def _watched(pool: PoolView, poll: float) -> AsyncGenerator[Answers, None]:
    """The local member's word on every change and every `poll`; ends when it falls silent."""
    changes: asyncio.Queue[StatusReply | None] = asyncio.Queue(maxsize=16)
    reader = asyncio.create_task(_read(pool, changes))
    try:
        while True:
            try:
                async with asyncio.timeout(poll):
                    reply: StatusReply | Silent | None = await changes.get()
            except TimeoutError:
                reply = await ask_local(pool.control_socket, POLL_SECONDS)
            if not isinstance(reply, StatusReply):
                return
            yield Answers(pool, (reply,), (), local=True, at=boottime())
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)


async def _read(pool: PoolView, changes: asyncio.Queue[StatusReply | None]) -> None:
    """Control.Watch until it ends; None is put where it breaks."""
    try:
        async with local_stub(pool.control_socket) as stub:
            async for reply in stub.Watch(StatusRequest()):
                await changes.put(reply)
    except grpc.aio.AioRpcError:
        pass
    await changes.put(None)
