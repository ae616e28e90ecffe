"""What operators see of this daemon: a snapshot that is made anew when something changes.

Law: who asks never waits for the store's thread, which may be busy with a long piece of work.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from hadelect.core.replication.messages import Advert
from hadelect.core.versions import Replica
from hadelect.core.vocabulary import Name
from hadelect.pb import replication_pb2 as pb
from hadelect.replication.download import Downloads
from hadelect.replication.errors import StoreError
from hadelect.replication.local import Local
from hadelect.replication.store import Aside, Kept, Store
from hadelect.replication.worker import Worker
from hadelect.runtime import replica_words


@dataclass(frozen=True, slots=True)
class PeerView:
    name: Name
    trouble: str  # "": connected.
    advert: Advert | None


@dataclass(frozen=True, slots=True)
class Sources:
    """Where what is shown comes from."""

    pool: str
    me: Name
    roots: Sequence[Path]
    store: Store
    worker: Worker
    local: Local
    downloads: Downloads
    replica: Callable[[], Replica]
    peers: Callable[[], Sequence[PeerView]]


class Shown:
    """To be made inside a running loop."""

    def __init__(self, sources: Sources) -> None:
        self._of = sources
        self._versions: Sequence[Kept] = ()
        self.asides: Sequence[Aside] = ()
        self.warnings: tuple[str, ...] = ()
        self._looking: asyncio.Task[None] | None = None
        self._again = False
        self._closed = False
        self._changed = asyncio.Event()

    def refresh(self) -> None:
        """Look into the store again, by and by."""
        if self._closed:
            return
        self._again = True
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._look())

    def close(self) -> None:
        """The store is not looked into any more."""
        self._closed = True
        if self._looking is not None:
            self._looking.cancel()

    async def refreshed(self) -> None:
        self.refresh()
        assert self._looking is not None
        await asyncio.shield(self._looking)

    async def _look(self) -> None:
        store = self._of.store
        while self._again:
            self._again = False
            try:
                found = await self._of.worker.do(lambda: (store.versions(), store.asides()))
            except StoreError as error:
                self.warnings = (str(error),)
                continue
            self._versions, self.asides = found
            self.warnings = store.warnings
        self.touch()

    def touch(self) -> None:
        """Something that is shown has changed."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def change(self, seconds: float) -> None:
        """Until the next one, or so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return

    # --- as it is said -------------------------------------------------------------------------

    def reply(self) -> pb.StateReply:
        of = self._of
        told = of.local.told
        reply = pb.StateReply(
            pool=of.pool,
            member=of.me,
            leader=told.leader or "",
            term=told.term,
            leads=told.leads,
            roots=[str(root) for root in of.roots],
            replica=replica_words.put(of.replica()),
            versions=[kept(version) for version in self._versions],
            asides=[aside(one) for one in self.asides],
            peers=[peer(view) for view in of.peers()],
            warnings=self._warnings(),
        )
        running = of.downloads.progress
        if running is not None:
            seconds = asyncio.get_running_loop().time() - running.began
            version = replica_words.put_version(running.version)
            shown = pb.Progress(
                version=version, bytes=running.got, of_bytes=running.of, seconds=seconds
            )
            setattr(shown, "from", running.source)
            reply.progress.CopyFrom(shown)
        return reply

    def _warnings(self) -> list[str]:
        absent = "the HAD of this member is not connected: is `hadelect had` running?"
        return [*self.warnings, *([] if self._of.local.connected else [absent])]


def kept(version: Kept) -> pb.KeptVersion:
    return pb.KeptVersion(
        version=replica_words.put_version(version.line.version),
        taken_at=wall(version.taken_at),
        entries=version.entries,
        bytes=version.size,
        installed=version.live,
    )


def aside(one: Aside) -> pb.KeptAside:
    return pb.KeptAside(
        name=one.name, path=str(one.path), because=one.because, taken_at=wall(one.taken_at)
    )


def peer(view: PeerView) -> pb.PeerState:
    said = view.advert
    replica = Replica()
    if said is not None:
        version = said.line.version if said.line else None
        replica = Replica(version, said.known, lag_ms=said.lag_ms)
    return pb.PeerState(
        member=view.name,
        reachable=not view.trouble,
        replica=replica_words.put(replica),
        trouble=view.trouble,
    )


def wall(seconds: float) -> str:
    """UTC, for people."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
