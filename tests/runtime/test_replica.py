"""The client of the replication daemon, over a real Unix socket, against a daemon by script."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from prometheus_client import CollectorRegistry

from hadelect.core.effects import Cancel, Run
from hadelect.core.election import boot
from hadelect.core.events import Event, Ran, ReplicaChanged, ReplicationSaid
from hadelect.core.state import State
from hadelect.core.state_gate import told_of
from hadelect.core.versions import Replica, Version
from hadelect.core.vocabulary import Cause, Errand, Millis, Name, Outcome, Role, Term
from hadelect.pb import replication_pb2 as pb
from hadelect.runtime import replica
from hadelect.runtime.replica import Beside, ReplicationClient, put_told
from hadelect.runtime.replica_metrics import ReplicaMetrics
from tests.core.member import A, B, leader_of, rules_of

RULES = replace(rules_of(), replicates=True)
DIGEST = "ab" * 32
HELD = pb.Replica(version=pb.Version(term=64, sequence=5, digest=DIGEST), ready=True)
PREPARE = Run(7, Errand.PREPARE_STATE, Term(64), Cause.SILENCE, None, A)
FLUSH = Run(8, Errand.FLUSH_STATE, Term(64), Cause.HANDOVER, A, B)


def as_bytes(said: Any) -> bytes:
    data: bytes = said if isinstance(said, bytes) else said.SerializeToString()
    return data


class ByScript:
    """A replication daemon that notes what it is told and says what a test wants."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self.heard: list[pb.FromHad] = []
        self.streams: list[Any] = []
        self._server: grpc.aio.Server | None = None
        self._news = asyncio.Condition()

    async def start(self) -> None:
        server = grpc.aio.server()
        follow = grpc.stream_stream_rpc_method_handler(
            self._follow,
            request_deserializer=pb.FromHad.FromString,
            response_serializer=as_bytes,
        )
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("hadelect.v1.Local", {"Follow": follow}),)
        )
        server.add_insecure_port(f"unix:{self._socket}")
        await server.start()
        self._server = server

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop(0)
        self.streams.clear()

    async def _follow(self, words: Any, context: Any) -> None:
        self.streams.append(context)
        async for word in words:
            async with self._news:
                self.heard.append(word)
                self._news.notify_all()

    async def say(self, said: Any) -> None:
        await self.streams[-1].write(said)

    async def until(self, holds: Callable[[list[pb.FromHad]], bool]) -> None:
        async with self._news, asyncio.timeout(10):
            await self._news.wait_for(lambda: holds(self.heard))

    async def hears(self, kind: str) -> pb.FromHad:
        await self.until(lambda words: any(w.WhichOneof("message") == kind for w in words))
        return next(w for w in self.heard if w.WhichOneof("message") == kind)


class Side:
    """HAD's side: the client, and what it told the core."""

    def __init__(self, socket: Path, flush_seconds: float = 30.0) -> None:
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self.state = boot(RULES, None, same_boot=True, now=Millis(0)).state
        self.registry = CollectorRegistry()
        self.metrics = ReplicaMetrics(self.registry)
        beside = Beside(lambda: RULES, socket, flush_seconds, lambda: self.state)
        self.client = ReplicationClient(beside, self.events.put_nowait, self.metrics)

    async def next(self) -> Event:
        async with asyncio.timeout(10):
            return await self.events.get()

    async def ran(self) -> Ran:
        while not isinstance(event := await self.next(), Ran):
            pass
        return event

    async def changed(self, wanted: Callable[[Replica], bool]) -> Replica:
        while True:
            event = await self.next()
            if isinstance(event, ReplicaChanged) and wanted(event.replica):
                return event.replica

    def count(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


@contextlib.asynccontextmanager
async def both(tmp_path: Path, **kinds: Any) -> AsyncIterator[tuple[Side, ByScript]]:
    """A conversation that has begun."""
    daemon, side = ByScript(tmp_path / "s"), Side(tmp_path / "s", **kinds)
    await daemon.start()
    life = asyncio.create_task(side.client.keep())
    try:
        await daemon.hears("told")
        yield side, daemon
    finally:
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)
        await daemon.stop()


async def test_what_the_daemon_says_of_the_copy_is_an_event(tmp_path: Path) -> None:
    """Once per change."""
    async with both(tmp_path) as (side, daemon):
        await daemon.say(pb.ToHad(replica=HELD))
        await daemon.say(pb.ToHad(replica=HELD))
        await daemon.say(pb.ToHad(said=pb.Said(because="a line is aside", warning=True)))
        expected = Replica(Version(Term(64), 5, DIGEST), ready=True)
        assert await side.next() == ReplicaChanged(expected)
        assert await side.next() == ReplicationSaid("a line is aside", warning=True)


@pytest.mark.parametrize(
    "answer, outcome",
    [
        (pb.ToHad(done=pb.Done(id=7, because="12 s lost")), (Outcome.DONE, "12 s lost")),
        (pb.ToHad(failed=pb.Failed(id=7, because="no room")), (Outcome.FAILED, "no room")),
    ],
)
async def test_an_errand_ends_as_the_daemon_says(
    tmp_path: Path, answer: pb.ToHad, outcome: tuple[Outcome, str]
) -> None:
    """It is told of the leadership before it is asked."""
    async with both(tmp_path) as (side, daemon):
        side.state = leader_of(rules_of(), B).state
        side.client.run(PREPARE)
        asked = (await daemon.hears("prepare")).prepare
        assert (asked.id, asked.term) == (7, 64)
        assert daemon.heard[-2].told == pb.Told(leader=A, term=64, leads=True, started=True)
        assert (daemon.heard[-1].pool, daemon.heard[-1].member) == ("pool", A)
        await daemon.say(answer)
        assert await side.ran() == Ran(7, *outcome)


async def test_a_change_of_leader_is_told_once(tmp_path: Path) -> None:
    """What changes nothing for the daemon is not said."""
    async with both(tmp_path) as (side, daemon):
        member = leader_of(rules_of(), B)
        side.client.stepped(side.state, member.state)
        side.client.stepped(member.state, member.state)
        await daemon.until(lambda words: len(words) == 2)
        assert daemon.heard[1].told.leads


async def test_a_daemon_that_was_restarted_is_asked_again(tmp_path: Path) -> None:
    """The same question on the next stream; between the two nobody is to be started."""
    async with both(tmp_path) as (side, daemon):
        await daemon.say(pb.ToHad(replica=HELD))
        await side.changed(lambda copy: copy.ready)
        side.client.run(PREPARE)
        await daemon.hears("prepare")
        await daemon.stop()
        lost = await side.changed(lambda copy: bool(copy.problem))
        assert lost.version == Version(Term(64), 5, DIGEST)
        assert not lost.ready
        assert "start `hadelect replication`" in lost.problem
        daemon.heard.clear()
        await daemon.start()
        assert (await daemon.hears("prepare")).prepare.id == 7
        assert daemon.heard[0].WhichOneof("message") == "told"
        await daemon.say(pb.ToHad(done=pb.Done(id=7)))
        assert (await side.ran()).outcome is Outcome.DONE


async def test_without_a_daemon_an_errand_ends_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a while: it may be on its way."""
    monkeypatch.setattr(replica, "SILENT_SECONDS", 0.2)
    side = Side(tmp_path / "s")
    life = asyncio.create_task(side.client.keep())
    side.client.run(PREPARE)
    assert (await side.ran()).outcome is Outcome.UNKNOWN
    life.cancel()
    await asyncio.gather(life, return_exceptions=True)


async def test_a_daemon_that_says_nothing_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A frozen one keeps its connections."""
    monkeypatch.setattr(replica, "SILENT_SECONDS", 0.2)
    async with both(tmp_path) as (side, daemon):
        await daemon.say(pb.ToHad(replica=HELD))
        assert "does not answer" in (await side.changed(lambda copy: not copy.ready)).problem


async def test_a_last_copy_has_its_time(tmp_path: Path) -> None:
    """Then it failed, and the daemon is told that nobody waits."""
    async with both(tmp_path, flush_seconds=0.1) as (side, daemon):
        side.client.run(FLUSH)
        assert (await daemon.hears("flush")).flush == pb.Flush(id=8, term=64, successor=B)
        assert (await daemon.hears("cancel")).cancel.id == 8
        ran = await side.ran()
        assert (ran.outcome, ran.because) == (
            Outcome.FAILED,
            "not done in 0.1 s (REPLICATION_FLUSH_TIMEOUT)",
        )


async def test_what_nobody_wants_is_not_answered(tmp_path: Path) -> None:
    """A late answer finds nobody; who is not ours is not cancelled."""
    async with both(tmp_path) as (side, daemon):
        side.client.run(PREPARE)
        side.client.cancel(Cancel(7))
        side.client.cancel(Cancel(99))
        assert (await daemon.hears("cancel")).cancel.id == 7
        await daemon.say(pb.ToHad(done=pb.Done(id=7)))
        await daemon.say(pb.ToHad(replica=HELD))
        assert isinstance(await side.next(), ReplicaChanged)


@pytest.mark.parametrize(
    "junk",
    [
        b"\xff\xff",
        pb.ToHad(replica=pb.Replica(version=pb.Version(term=1, sequence=1, digest="x"))),
        pb.ToHad(failed=pb.Failed(id=7, because="x" * 9999)),
    ],
)
async def test_junk_ends_the_stream_and_nothing_else(tmp_path: Path, junk: Any) -> None:
    """The next stream is as good as new."""
    async with both(tmp_path) as (side, daemon):
        await daemon.say(pb.ToHad(replica=HELD))
        await side.changed(lambda copy: copy.ready)
        daemon.heard.clear()
        await daemon.say(junk)
        await side.changed(lambda copy: not copy.ready)
        await daemon.hears("told")
        await daemon.say(pb.ToHad())  # A later version's word.
        await daemon.say(pb.ToHad(replica=HELD))
        await side.changed(lambda copy: copy.ready)


async def test_what_the_daemon_counts_goes_on_over_its_restarts(tmp_path: Path) -> None:
    """A smaller number is a new life."""
    async with both(tmp_path) as (side, daemon):
        for counts in (
            pb.Counts(bytes_in=10, bytes_out=3, conflicts=1, asides=1),
            pb.Counts(bytes_in=15, bytes_out=3, conflicts=1, asides=1),
            pb.Counts(bytes_in=4, conflicts=1, asides=1),
        ):
            await daemon.say(pb.ToHad(counts=counts))
        await daemon.say(pb.ToHad(replica=HELD))
        await side.next()
        assert side.count("hadelect_replica_bytes_total", direction="in") == 19
        assert side.count("hadelect_replica_bytes_total", direction="out") == 3
        assert side.count("hadelect_replica_conflicts_total") == 1
        assert side.count("hadelect_replica_asides") == 1
        assert side.client.warning().startswith("1 lines of the state")


def test_who_is_told_of() -> None:
    """A leader that is heard; nobody, once it is silent."""
    state: State = boot(RULES, None, same_boot=True, now=Millis(0)).state
    followed = replace(state, role=Role.PASSIVE, leader=Name(B), term=Term(65))
    heard = replace(followed, patience_until=Millis(state.now + 1))
    assert put_told(told_of(heard)) == pb.Told(leader=B, term=65)
    silent = replace(followed, patience_until=Millis(state.now))
    assert put_told(told_of(silent)) == pb.Told(term=65)
