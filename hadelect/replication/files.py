"""The policy's work on files, one piece at a time; each is answered exactly once.

Law 1: whatever goes wrong is told as a Failure that the policy knows, with the words of its cause.
Law 2: what has begun on the disk is not broken off: only a transfer is, and a command of the
       administrator's. So an answer always says what is on the disk.
Law 3: after our own switch the live files are watched again before anybody is told of it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from hadelect.core.replication import effects as do
from hadelect.core.replication.events import (
    Event,
    Failed,
    Failure,
    Fetched,
    Installed,
    Looked,
    Marked,
    Restored,
    Snapped,
)
from hadelect.core.versions import Line, continued
from hadelect.replication.command import Command, CommandFailed
from hadelect.replication.download import Downloads, PeerError
from hadelect.replication.errors import (
    EmptyStateError,
    GoneError,
    LockedError,
    StoreError,
    UnstableError,
)
from hadelect.replication.manifest import Refused
from hadelect.replication.metrics import Metrics
from hadelect.replication.notice import Notice
from hadelect.replication.store import Store
from hadelect.replication.worker import Worker

FAILURES: tuple[tuple[type[Exception], Failure], ...] = (
    (UnstableError, Failure.UNSTABLE),
    (EmptyStateError, Failure.EMPTY),
    (LockedError, Failure.LOCKED),
    (GoneError, Failure.GONE),
    (PeerError, Failure.PEER),
    (Refused, Failure.PEER),
    (CommandFailed, Failure.UNSTABLE),
    (StoreError, Failure.DISK),
)


@dataclass(frozen=True, slots=True)
class Tools:
    """What the work is done with."""

    store: Store
    worker: Worker
    notice: Notice
    downloads: Downloads
    command: Command
    metrics: Metrics


class Files:
    """To be made inside a running loop."""

    def __init__(
        self, tools: Tools, hear: Callable[[Event], None], crashed: Callable[[], None]
    ) -> None:
        self._tools = tools
        self._hear = hear
        self._crashed = crashed
        self._running: dict[int, asyncio.Task[None]] = {}
        self._breakable: set[int] = set()  # Whose task may be cancelled now.
        self.done: Callable[[], None] = lambda: None  # Called after each piece of work.
        self.warned: Callable[[str], None] = lambda _: None
        self._warnings: tuple[str, ...] = ()

    # --- one door ------------------------------------------------------------------------------

    def begin(self, effect: do.Work) -> None:
        task = asyncio.get_running_loop().create_task(self._guarded(effect))
        self._running[effect.id] = task

    def cancel(self, effect: do.Cancel) -> None:
        if effect.id in self._breakable:
            self._running[effect.id].cancel()

    async def _guarded(self, effect: do.Work) -> None:
        try:
            event = await self._answer(effect)
        except asyncio.CancelledError:
            event = Failed(effect.id, Failure.CANCELLED, "cancelled")
        except BaseException:
            self._crashed()
            raise
        finally:
            self._breakable.discard(effect.id)
            self._running.pop(effect.id, None)
        self._hear(event)
        self.done()

    async def _answer(self, effect: do.Work) -> Event:
        began = asyncio.get_running_loop().time()
        work, result = type(effect).__name__.lower(), "ok"
        try:
            return await self._work(effect)
        except tuple(kind for kind, _ in FAILURES) as error:
            failure = next(found for kind, found in FAILURES if isinstance(error, kind))
            result = failure.value
            return Failed(effect.id, failure, str(error))
        finally:
            seconds = asyncio.get_running_loop().time() - began
            self._tools.metrics.worked(work, result, seconds)

    def _work(self, effect: do.Work) -> Awaitable[Event]:
        match effect:
            case do.Look():
                return self._look(effect)
            case do.Mark():
                return self._mark(effect)
            case do.Snapshot():
                return self._snapshot(effect)
            case do.Fetch():
                return self._fetch(effect)
            case do.Install():
                return self._install(effect)
            case do.Restore():
                return self._restore(effect)

    # --- pieces of work ------------------------------------------------------------------------

    async def _look(self, effect: do.Look) -> Event:
        store = self._tools.store
        where = self._tools.notice.take()
        try:
            looked = await self._tools.worker.do(store.look)
        except StoreError:
            self._tools.notice.give_back(where)
            raise
        if looked.dirty:
            self._tools.notice.give_back(where)
        self._warn(looked.warnings)
        empty = "all that the state held is gone" if looked.empty else ""
        return Looked(effect.id, dirty=looked.dirty, missing=looked.missing or empty)

    async def _mark(self, effect: do.Mark) -> Event:
        def line_of(digest: str) -> Line:
            if digest != effect.line.version.digest:
                raise StoreError(f"what is held has another digest than {effect.line.version}")
            return effect.line

        marked = await self._tools.worker.do(lambda: self._tools.store.mark(line_of))
        return Marked(effect.id, marked)

    async def _snapshot(self, effect: do.Snapshot) -> Event:
        tools = self._tools
        self._breakable.add(effect.id)
        await tools.command.run(effect.term)
        self._breakable.discard(effect.id)
        where = tools.notice.take()
        began = asyncio.get_running_loop().time()

        def snapshot() -> Line | None:
            return tools.store.snapshot(
                lambda digest: continued(effect.onto, effect.term, digest),
                None if effect.full else where,
                exact=effect.full,
                accept_empty=effect.empty,
            )

        try:
            line = await tools.worker.do(snapshot)
        except StoreError:
            tools.notice.give_back(where)
            raise
        finally:
            if not effect.full:  # Those come seldom, and pay for themselves.
                tools.notice.cost(asyncio.get_running_loop().time() - began)
        self._warn(tools.store.warnings)
        return Snapped(effect.id, line)

    async def _fetch(self, effect: do.Fetch) -> Event:
        self._breakable.add(effect.id)
        try:
            await self._tools.downloads.fetch(effect.source, effect.line)
        finally:
            self._tell_of_rot()
        return Fetched(effect.id)

    async def _install(self, effect: do.Install) -> Event:
        tools = self._tools
        async with tools.notice.paused():
            aside = await tools.worker.do(lambda: tools.store.install(effect.line, effect.aside))
        if aside is not None:
            tools.metrics.kept_aside()
        return Installed(effect.id, str(aside or ""))

    async def _restore(self, effect: do.Restore) -> Event:
        tools = self._tools

        def restore() -> Line:
            return tools.store.restore(
                effect.version, lambda digest: continued(effect.onto, effect.term, digest)
            )

        async with tools.notice.paused():
            line = await tools.worker.do(restore)
        return Restored(effect.id, line)

    def _tell_of_rot(self) -> None:
        for path in self._tools.store.rotten():
            self._tools.metrics.refused("rot")
            self.warned(
                f"the copy of {path} had rotted: mended; look at the kernel's log and disks"
            )

    def _warn(self, warnings: tuple[str, ...]) -> None:
        """Sockets and devices that are left out: said once."""
        for text in warnings:
            if text not in self._warnings:
                self.warned(text)
        self._warnings = warnings
