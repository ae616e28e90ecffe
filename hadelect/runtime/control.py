"""The Control service: reading is free, commands come by the Unix socket.

Law 1: over TCP nobody commands; the refusal names the remedy.
Law 2: a command that is meant for another member is forwarded to it, once.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import grpc.aio

from hadelect.config.reload import outcome, remedy
from hadelect.pb.control_pb2 import (
    CommandReply,
    DrainRequest,
    ExplainReply,
    ExplainRequest,
    HandoverRequest,
    HistoryReply,
    HistoryRequest,
    ReloadedVariable,
    ReloadReply,
    ReloadRequest,
    StatusReply,
    StatusRequest,
)
from hadelect.pb.control_pb2_grpc import ControlServicer
from hadelect.runtime.archive import Archive, Busy
from hadelect.runtime.operate import Desk
from hadelect.runtime.reload import PATIENCE_SECONDS, Outcome
from hadelect.runtime.watch import Full, Gallery

RELOAD_SECONDS = PATIENCE_SECONDS + 1


class ControlService(ControlServicer):
    def __init__(
        self,
        desk: Desk,
        gallery: Gallery,
        archive: Archive,
        reload: Callable[[str], Awaitable[Outcome]],
    ) -> None:
        self._reload = reload
        self._desk = desk
        self._gallery = gallery
        self._archive = archive

    async def Status(self, request: StatusRequest, context: Any) -> StatusReply:  # noqa: N802
        return self._desk.status()

    async def Watch(  # noqa: N802
        self, request: StatusRequest, context: Any
    ) -> AsyncIterator[StatusReply]:
        try:
            number, seat = self._gallery.take()
        except Full as full:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, str(full))
            return
        try:
            while True:
                yield await seat.next()
        finally:
            self._gallery.leave(number)

    async def Explain(self, request: ExplainRequest, context: Any) -> ExplainReply:  # noqa: N802
        reply = self._desk.explain(request.member)
        if reply is None:
            known = ", ".join(self._desk.voters)
            words = f"{request.member[:255]} is not in HAD_LIST ({known})"
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, words)
            raise AssertionError  # Not reached: abort raises.
        return reply

    async def History(self, request: HistoryRequest, context: Any) -> HistoryReply:  # noqa: N802
        try:
            found = await self._archive.read(request.cursor, request.since)
        except (Busy, OSError) as error:
            code = grpc.StatusCode.RESOURCE_EXHAUSTED
            await context.abort(code, f"the history cannot be read now: {error}")
            raise AssertionError from error  # Not reached: abort raises.
        return HistoryReply(
            member=self._desk.me,
            lines=found.lines,
            cursor=found.cursor,
            more=found.more,
            damaged=found.damaged,
            half_written=found.half_written,
            wall_clock=time.time(),
        )

    async def Handover(self, request: HandoverRequest, context: Any) -> CommandReply:  # noqa: N802
        await self._require_socket(context)
        return await self._desk.handover(request)

    async def Drain(self, request: DrainRequest, context: Any) -> CommandReply:  # noqa: N802
        await self._require_socket(context)
        return await self._desk.drain(request)

    async def Reload(self, request: ReloadRequest, context: Any) -> ReloadReply:  # noqa: N802
        await self._require_socket(context)
        try:
            async with asyncio.timeout(RELOAD_SECONDS):
                return reply_of(await self._reload(request.operator))
        except TimeoutError:
            hangs = f"not read within {RELOAD_SECONDS:g} s; it goes on when the files can be read"
            return ReloadReply(ok=False, problems=[hangs])

    async def _require_socket(self, context: Any) -> None:
        if not str(context.peer()).startswith("unix:"):
            await context.abort(
                grpc.StatusCode.PERMISSION_DENIED,
                "commands are taken on the Unix socket only (HAD_CONTROL_SOCKET); give this one on"
                f" the host of {self._desk.me}, as a user who may write that socket",
            )


def reply_of(told: Outcome) -> ReloadReply:
    variables = [
        ReloadedVariable(
            name=item.name,
            old=item.old,
            new=item.new,
            outcome=outcome(item.change),
            remedy=remedy(item.change).lstrip(": "),
        )
        for item in told.differences
    ]
    return ReloadReply(
        ok=not told.problems,
        variables=variables,
        problems=told.problems,
        warnings=told.warnings,
    )
