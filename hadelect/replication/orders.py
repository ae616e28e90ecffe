"""The State service: what operators ask and order (`hadelect state`), by the Unix socket only.

Law: who may write the socket may order; each order is told in the log, with who gave it and why.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import grpc

from hadelect.core.replication.events import Accept, AskRestore
from hadelect.core.versions import Version
from hadelect.pb import replication_pb2 as pb
from hadelect.pb.replication_pb2_grpc import StateServicer
from hadelect.replication.driver import Driver
from hadelect.replication.errors import StoreError
from hadelect.replication.manifest import EntryChange
from hadelect.replication.serve import up_to
from hadelect.replication.shown import Shown
from hadelect.replication.store import Store
from hadelect.replication.worker import Worker
from hadelect.runtime.reload import printable

FOLLOW_SECONDS = 1.0  # Between two replies to a follower, at the longest …
REST_SECONDS = 0.2  # … and at the shortest.
PAGE_BYTES = 256 * 1024
PLACE = re.compile(r"(\d{1,16})\.(\d{1,16})")


class Orders(StateServicer):
    def __init__(self, driver: Driver, shown: Shown, store: Store, worker: Worker) -> None:
        self._driver = driver
        self._shown = shown
        self._store = store
        self._worker = worker
        self.roots: Sequence[Path] = ()
        self.tell: Callable[[str], None] = lambda _: None

    # --- questions -----------------------------------------------------------------------------

    async def List(self, request: pb.StateRequest, context: Any) -> pb.StateReply:  # noqa: N802
        await _require_socket(context)
        return self._shown.reply()

    async def Follow(  # noqa: N802
        self, request: pb.StateRequest, context: Any
    ) -> AsyncIterator[pb.StateReply]:
        await _require_socket(context)
        while True:
            yield self._shown.reply()
            await asyncio.sleep(REST_SECONDS)
            await self._shown.change(FOLLOW_SECONDS)

    async def Show(  # noqa: N802
        self, request: pb.ShowRequest, context: Any
    ) -> AsyncIterator[pb.ShowReply]:
        await _require_socket(context)
        try:
            version = await self._version(request.version)
            entries = await self._worker.do(lambda: self._store.entries(version))
            while batch := await self._worker.do(lambda: up_to(entries, PAGE_BYTES)):
                yield pb.ShowReply(entries=[self._entry(change) for change in batch])
        except StoreError as error:
            await context.abort(grpc.StatusCode.NOT_FOUND, str(error))

    def _entry(self, change: EntryChange) -> pb.ShownEntry:
        return pb.ShownEntry(
            root=str(self.roots[change.root]),
            path=change.path,
            kind=change.kind.name.lower(),
            mode=change.mode,
            uid=change.uid,
            gid=change.gid,
            size=change.size,
            target=change.target,
        )

    # --- orders --------------------------------------------------------------------------------

    async def Restore(self, request: pb.RestoreRequest, context: Any) -> pb.OrderReply:  # noqa: N802
        await _require_socket(context)
        because = reason(request.reason, request.operator)
        try:
            version = await self._version(request.version)
        except StoreError as error:
            return pb.OrderReply(ok=False, text=str(error))
        answer = await self._driver.ask(lambda number: AskRestore(number, version, because))
        return pb.OrderReply(ok=answer.ok, text=answer.text)

    async def Accept(self, request: pb.AcceptRequest, context: Any) -> pb.OrderReply:  # noqa: N802
        await _require_socket(context)
        loss = request.what == pb.ACCEPTANCE_LOSS
        empty = request.what == pb.ACCEPTANCE_EMPTY_STATE
        if not request.reason.strip() or not (loss or empty):
            return pb.OrderReply(ok=False, text="say what is accepted, and --reason why")
        because = reason(request.reason, request.operator)
        answer = await self._driver.ask(
            lambda number: Accept(number, because, loss=loss, empty=empty)
        )
        return pb.OrderReply(ok=answer.ok, text=answer.text)

    async def Forget(self, request: pb.ForgetRequest, context: Any) -> pb.OrderReply:  # noqa: N802
        await _require_socket(context)
        try:
            await self._worker.do(lambda: self._store.forget(request.aside))
        except StoreError as error:
            return pb.OrderReply(ok=False, text=str(error))
        because = reason(request.reason, request.operator)
        self.tell(f"the line kept aside as {printable(request.aside)} is deleted: {because}")
        await self._shown.refreshed()
        return pb.OrderReply(ok=True, text=f"{request.aside} is deleted")

    async def _version(self, said: str) -> Version:
        """Raises StoreError."""
        place = PLACE.fullmatch(said)
        versions = await self._worker.do(self._store.versions)
        for kept in versions:
            version = kept.line.version
            if place and version.place == (int(place[1]), int(place[2])):
                return version
        names = ", ".join(str(kept.line.version) for kept in versions) or "none"
        raise StoreError(f"{printable(said[:100])} is not kept here; there is: {names}")


def reason(said: str, operator: str) -> str:
    why = printable(said[:1000].strip()) or "no reason given"
    return f"{why} ({printable(operator[:100]) or 'somebody'})"


async def _require_socket(context: Any) -> None:
    if not str(context.peer()).startswith("unix:"):
        words = "orders are taken on the Unix socket only (HAD_STATE_DIR/replication.sock)"
        await context.abort(grpc.StatusCode.PERMISSION_DENIED, words)
