"""Members of one pool in one process, with real sockets, for the tests of the runtime.

Their supervisor is a stand-in that runs nothing: it answers at once, with real secrets. The real
one is a process of its own and has tests of its own.
"""

import asyncio
import hashlib
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import replace
from pathlib import Path

from hadelect.config.model import Address, Config, ControlleeSpec, LogSpec
from hadelect.core.effects import Cancel, End, Extend, Retitle, Run, Start, Stop
from hadelect.core.events import ControlleeChanged, Event, Ran, SupervisorReady
from hadelect.core.vocabulary import ControlleeState, Outcome, Role, Term
from hadelect.runtime.member import Member, Surroundings
from hadelect.runtime.prepare import prepare
from hadelect.runtime.resolver import Lookup, lookup
from hadelect.runtime.systemd import Notifier

DEADLINE = 10.0


async def until(holds: Callable[[], object], seconds: float = DEADLINE) -> None:
    """Wait for a condition, at most so long."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.005)


def free_port(ip: str = "127.0.0.1") -> int:
    """A port that is free for TCP and UDP."""
    while True:
        with closing(socket.socket()) as tcp, closing(socket.socket(type=socket.SOCK_DGRAM)) as udp:
            tcp.bind((ip, 0))
            port = int(tcp.getsockname()[1])
            try:
                udp.bind((ip, port))
            except OSError:
                continue
            return port


def addresses(count: int, host: str = "127.0.0.1") -> tuple[Address, ...]:
    ports = [free_port() for _ in range(count)]
    return tuple(Address(f"{host}:{port}", host, port) for port in ports)


def config_of(me: Address, members: tuple[Address, ...], home: Path) -> Config:
    """A fast member: heartbeat 0.1 s, lease 0.6 s."""
    state = home / str(me.port)
    state.mkdir(parents=True, exist_ok=True)
    return Config(
        pool="test",
        me=me,
        members=members,
        witnesses=(),
        arbitration="majority",
        use_primary=False,
        preempt_delay=0.0,
        connection_timeout=5.0,
        heartbeat=0.1,
        lease=0.6,
        margin=0.25,
        restart_limit=3,
        restart_window=300.0,
        unfit_cooldown=360.0,
        controllee=ControlleeSpec("NEGOTIATOR", ("/bin/true",), stop_timeout=1.0),
        fence_tree="auto",
        allow_unfenced=True,
        state_dir=state,
        control_socket=state / "c.sock",
        http_address=("127.0.0.1", 0),
        log=LogSpec(path=state / "log"),
        tls=None,
        allow_insecure=True,
        digest="c0ffee",
    )


class StandInSupervisor:
    """Obeys at once; there is no tree. Notes what it was told."""

    def __init__(self, hear: Callable[[Event], None]) -> None:
        self._hear = hear
        self._secret = secrets.token_hex(32)
        self.peers: list[tuple[str, int]] = []
        self.extends = 0
        self.running: Term | None = None
        self.adjusted: Config | None = None

    @property
    def secret_hash(self) -> str:
        """As the core checks it: of the secret's text."""
        return hashlib.sha256(self._secret.encode()).hexdigest()

    def ready(self) -> None:
        self._hear(SupervisorReady(self.secret_hash))

    def set_peers(self, addresses: Iterable[tuple[str, int]]) -> None:
        self.peers = list(addresses)

    def adjust(self, config: Config) -> None:
        self.adjusted = config

    def start(self, effect: Start) -> None:
        self.running = effect.term
        running = ControlleeState.RUNNING
        self._hear(ControlleeChanged(effect.term, running, pid=4711, since="2026-01-01T00:00:00Z"))

    def extend(self, effect: Extend) -> None:
        self.extends += 1

    def stop(self, effect: Stop) -> None:
        revealed, self._secret = self._secret, secrets.token_hex(32)
        self.running = None
        self._hear(
            ControlleeChanged(
                effect.term,
                ControlleeState.STOPPED,
                because=effect.because,
                asked=True,
                secret=revealed,
                next_secret_hash=self.secret_hash,
            )
        )

    def end(self, effect: End) -> None:
        """Nothing hangs here."""

    @property
    def errands(self) -> "StandInSupervisor":
        return self

    def run(self, effect: Run) -> None:
        self._hear(Ran(effect.id, Outcome.DONE))

    def cancel(self, effect: Cancel) -> None:
        """It has run already."""

    def retitle(self, effect: Retitle) -> None:
        self.running = effect.to


class Running:
    """One member that runs."""

    def __init__(self, config: Config, look: Lookup = lookup) -> None:
        self.config = config
        self.prepared = prepare(config)
        self.file: Callable[[], Config] = lambda: config  # What a reload reads.
        around = Surroundings(self._crashed, Notifier({}), look=look, read=self._read)
        self.member = Member(self.prepared, around)
        self.supervisor = StandInSupervisor(self.member.hear)
        self.crashes = 0
        self._task: asyncio.Task[int] | None = None

    def _read(self) -> Config:
        return self.file()

    def _crashed(self) -> None:
        self.crashes += 1

    @property
    def name(self) -> str:
        return self.config.me.name

    @property
    def role(self) -> Role:
        return self.member.driver.state.role

    async def start(self) -> None:
        await self.member.start()
        self.member.boot(self.supervisor)
        self._task = asyncio.create_task(self.member.run())
        self.supervisor.ready()

    async def end(self) -> int:
        """A clean stop; the exit code."""
        assert self._task is not None
        self.member.driver.shut_down("clean stop")
        code = await asyncio.wait_for(self._task, DEADLINE)
        await self.member.stop()
        return code

    async def vanish(self) -> None:
        """Without a word."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            stopping = asyncio.create_task(self.member.stop())
            done, _ = await asyncio.wait({stopping}, timeout=DEADLINE)
            left = [str(task.get_coro()) for task in self.member._tasks if not task.done()]
            assert done, f"{self.name} does not end; what goes on: {left or stopping.get_stack()}"
            await stopping

    def counted(self, result: str) -> float:
        """Messages of all kinds with that result."""
        samples = next(iter(self.member.metrics.messages.collect())).samples
        return sum(
            sample.value
            for sample in samples
            if sample.name.endswith("_total") and sample.labels["result"] == result
        )


@asynccontextmanager
async def pool_of(
    home: Path, count: int = 3, change: Callable[[Config], Config] = lambda config: config
) -> AsyncIterator[list[Running]]:
    """`count` members that run until the end of the block."""
    members = addresses(count)
    pool = [Running(change(config_of(me, members, home))) for me in members]
    try:
        for running in pool:
            await running.start()
        yield pool
        assert not any(running.crashes for running in pool)
    finally:
        for running in pool:
            await running.vanish()


def leader_of(pool: list[Running]) -> Running | None:
    """The one that leads and whom all others follow; None while they do not agree."""
    leaders = [running for running in pool if running.role is Role.LEADER]
    if len(leaders) != 1:
        return None
    agreed = all(r.member.driver.state.leader == leaders[0].name for r in pool)
    return leaders[0] if agreed else None


async def led(pool: list[Running]) -> Running:
    """The leader, once all agree."""
    await until(lambda: leader_of(pool))
    leader = leader_of(pool)
    assert leader is not None
    return leader


def slower(config: Config) -> Config:
    return replace(config, heartbeat=0.5, lease=3.0, margin=0.5)


@contextmanager
def taken(kind: socket.SocketKind, ip: str = "127.0.0.1") -> Iterator[int]:
    """A port that somebody else uses."""
    with closing(socket.socket(type=kind)) as sock:
        sock.bind((ip, 0))
        if kind is socket.SOCK_STREAM:
            sock.listen()
        yield int(sock.getsockname()[1])
