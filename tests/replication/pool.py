"""Replication daemons of one pool in one process, with real sockets, and a HAD for each by hand."""

import asyncio
import fcntl
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import grpc.aio

from hadelect.config.model import (
    Address,
    Config,
    ControlleeSpec,
    LogSpec,
    ReplicationSpec,
    TlsSpec,
)
from hadelect.core.versions import Version
from hadelect.pb import replication_pb2 as pb
from hadelect.replication.daemon import Daemon, Surroundings
from hadelect.replication.manifest import BlockRef
from hadelect.replication.start import LOCK, options_of, prepare
from hadelect.replication.store import Store
from hadelect.replication.worker import Worker
from hadelect.runtime.systemd import Notifier
from tests.replication import small_policy
from tests.runtime.pool import addresses, config_of, until

__all__ = ["Had", "Running", "Settings", "addresses", "pool", "running", "until"]

Settings = dict[str, Any]


class Peer(Store):
    """The store of a daemon that can be made to send something else than it holds."""

    altered: Callable[[bytes], bytes] = staticmethod(bytes)

    def read(self, version: Version, wanted: Iterable[BlockRef]) -> Iterator[bytes]:
        for piece in super().read(version, wanted):
            yield self.altered(piece)


class Running:
    """One daemon, its store and its directory."""

    def __init__(self, daemon: Daemon, store: Peer, root: Path) -> None:
        self.daemon, self.store, self.root = daemon, store, root
        self.task: asyncio.Task[int] | None = None
        self.written = daemon.config  # What a reload finds.

    def content(self) -> dict[str, bytes]:
        """What the live files hold now."""
        files = [path for path in self.root.rglob("*") if path.is_file()]
        return {str(path.relative_to(self.root)): path.read_bytes() for path in files}

    @contextmanager
    def controllee(self) -> Iterator[None]:
        """The lock of a controllee that runs."""
        with (self.daemon.config.state_dir / LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
            yield

    @property
    def state(self) -> small_policy.State:
        state = self.daemon.driver._state
        assert isinstance(state, small_policy.State)
        return state


def config(
    members: tuple[Address, ...], place: int, daemons: tuple[Address, ...], home: Path
) -> Config:
    me = members[place]
    root = home / f"live{place}"
    root.mkdir(parents=True, exist_ok=True)
    spec = ReplicationSpec(
        daemons=daemons,
        me=daemons[place],
        roots=(root,),
        interval=300.0,
        settle=0.02,
        max_lag=300.0,
        flush_timeout=30.0,
        keep=5,
        transfer_lifetime=30.0,
        rate_limit=0,
        compression="none",
        key_file=None,
        snapshot_command=(),
        http_address=None,
        log=LogSpec(path=home / f"log{place}"),
    )
    found = config_of(me, members, home)
    return replace(found, replication=spec, log=spec.log, controllee=ControlleeSpec("X", ()))


@asynccontextmanager
async def running(config: Config) -> AsyncIterator[Running]:
    assert config.replication is not None
    crashed: list[str] = []
    around = Surroundings(
        small_policy, lambda: crashed.append("bug"), Notifier({}), read=lambda: one.written
    )
    root = config.replication.roots[0]
    worker = Worker()
    store = await worker.do(lambda: Peer.open(*options_of(config)))
    daemon = Daemon(prepare(config), around, (worker, store))
    await daemon.start()
    one = Running(daemon, store, root)
    one.task = asyncio.create_task(daemon.run())
    try:
        yield one
    finally:
        daemon.stop_soon()
        await one.task
        await daemon.stop()
        assert not crashed


@asynccontextmanager
async def pool(
    home: Path, count: int = 2, tls: TlsSpec | None = None, **settings: Any
) -> AsyncIterator[list[Running]]:
    """`settings` of the ReplicationSpec."""
    members, daemons = addresses(count), addresses(count)
    async with _all(
        [
            replace(found, tls=tls, replication=replace(found.replication, **settings))  # type: ignore[type-var]
            for found in (config(members, place, daemons, home) for place in range(count))
        ]
    ) as found:
        await until(lambda: all(joined(one) for one in found))
        yield found


@asynccontextmanager
async def _all(configs: list[Config]) -> AsyncIterator[list[Running]]:
    if not configs:
        yield []
        return
    async with running(configs[0]) as one, _all(configs[1:]) as others:
        yield [one, *others]


def joined(one: Running) -> bool:
    daemon = one.daemon
    return all(daemon.watches.connected(name) for name in daemon.driver.rules.peers)


class Had:
    """The word of a HAD, on its Unix socket."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self.heard: list[pb.ToHad] = []
        self.heard_at: list[float] = []

    async def __aenter__(self) -> Self:
        path = self._daemon.config.replication_socket
        self._channel = grpc.aio.insecure_channel(
            f"unix:{path}", options=[("grpc.use_local_subchannel_pool", 1)]
        )
        self._call: Any = self._channel.stream_stream("/hadelect.v1.Local/Follow")()
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        self._call.cancel()
        await self._channel.close()

    async def _read(self) -> None:
        while isinstance(data := await self._call.read(), bytes):
            self.heard.append(pb.ToHad.FromString(data))
            self.heard_at.append(time.monotonic())

    async def say(self, **word: Any) -> None:
        rules = self._daemon.driver.rules
        said = pb.FromHad(pool=self._daemon.config.pool, member=rules.me, protocol=1, **word)
        await self._call.write(said.SerializeToString())

    async def leads(self, term: int) -> None:
        me = self._daemon.driver.rules.me
        await self.say(told=pb.Told(leader=me, term=term, leads=True, started=True))

    async def hears(self, holds: Callable[[pb.ToHad], bool]) -> pb.ToHad:
        await until(lambda: any(holds(word) for word in self.heard))
        return next(word for word in self.heard if holds(word))
