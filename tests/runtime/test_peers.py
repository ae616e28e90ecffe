"""The streams: who dials, who is refused and why, how soon they are back, what closes them."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import grpc
import grpc.aio

from hadelect.config.model import Address
from hadelect.core.events import Event, PeerRefused, Received
from hadelect.core.messages import Hello, Withdraw
from hadelect.core.vocabulary import Arbitration, Identity, Millis, Name, Rules, Term
from hadelect.runtime import channels
from hadelect.runtime.metrics import Metrics
from hadelect.runtime.outbox import LIMIT
from hadelect.runtime.peers import CONNECT, Link, Ours, Peers
from hadelect.runtime.resolver import AddressBook, Lookup, Resolver, lookup
from hadelect.runtime.seldom import Seldom
from hadelect.runtime.wire import Wire
from tests.runtime.pool import addresses, until


class End:
    """One member's streams with a server, and everything they brought."""

    def __init__(
        self,
        me: Address,
        identity: Identity,
        others: tuple[Address, ...],
        life: str = "one",
        look: Lookup = lookup,
    ) -> None:
        self.heard: list[Event] = []
        self.noted: list[str] = []
        self.metrics = Metrics()
        self.address = me
        rules = Rules(Name(me.name), identity, Millis(100), Millis(600))
        self.wire = Wire(rules.me, identity, "c0ffee")
        self.book = AddressBook(others, Resolver(look), lambda: None)
        hello = Hello(identity, "0.1.0", life)
        self.peers = Peers(Ours(rules, self.wire, hello, 5.0, None, self.metrics), self.book, self)
        self._task: asyncio.Task[None] | None = None
        self.server: grpc.aio.Server | None = None

    def hear(self, event: Event) -> None:
        self.heard.append(event)

    def note(self, text: str, *, warning: bool = False) -> None:
        self.noted.append(text)

    def refusals(self) -> list[str]:
        return [event.because for event in self.heard if isinstance(event, PeerRefused)]

    def hellos(self) -> int:
        return sum(
            isinstance(event, Received) and isinstance(event.message, Hello) for event in self.heard
        )

    async def start(self) -> None:
        self.server = grpc.aio.server(options=channels.server_options())
        handler: Any = grpc.stream_stream_rpc_method_handler(self.peers.accept)
        handlers = {"Connect": handler}
        self.server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("hadelect.v1.Election", handlers),)
        )
        self.server.add_insecure_port(self.address.name)
        await self.server.start()
        self.dial()

    def dial(self) -> None:
        self._task = asyncio.create_task(self.peers.run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self.server is not None:
            await self.server.stop(0)


def identity_of(members: tuple[Address, ...]) -> Identity:
    names = tuple(Name(member.name) for member in members)
    return Identity("pool", names, (), Arbitration.NONE, "NEGOTIATOR")


@asynccontextmanager
async def two(
    change: Callable[[Identity], Identity] = lambda identity: identity,
) -> AsyncIterator[tuple[End, End]]:
    """The senior one accepts, the junior one dials; `change` alters what the junior believes."""
    members = addresses(2)
    identity = identity_of(members)
    senior = End(members[0], identity, members[1:])
    junior = End(members[1], change(identity), members[:1])
    await senior.start()
    await junior.start()
    try:
        yield senior, junior
    finally:
        await junior.stop()
        await senior.stop()


async def test_what_is_said_arrives_in_order_both_ways() -> None:
    """The junior dials; Hello comes first, then every message in the order said."""
    async with two() as (senior, junior):
        await until(lambda: senior.heard and junior.heard)
        said = [Withdraw(Term(number)) for number in range(1, 100)]
        for one, other in ((senior, junior), (junior, senior)):
            one.heard.clear()
            for message in said:
                other.peers.send(Name(one.address.name), message)
            await until(lambda one=one: len(one.heard) == len(said))  # type: ignore[misc]
            assert one.heard == [Received(Name(other.address.name), m) for m in said]


async def test_what_is_said_without_a_stream_is_lost_and_counted() -> None:
    """Nobody is there: the message is dropped, nothing waits."""
    members = addresses(2)
    lonely = End(members[0], identity_of(members), members[1:])
    lonely.peers.send(Name(members[1].name), Withdraw(Term(1)))
    assert b'kind="Withdraw",result="dropped"} 1.0' in text_of(lonely)


def text_of(end: End) -> bytes:
    from prometheus_client import generate_latest  # noqa: PLC0415 - here alone

    return generate_latest(end.metrics.registry)


async def test_another_identity_is_refused_with_both_values() -> None:
    """Each side hears which setting differs, once, and the stream is closed."""
    changes = (
        (lambda i: replace(i, pool="other"), "HAD_POOL is"),
        (lambda i: replace(i, arbitration=Arbitration.MAJORITY), "HAD_ARBITRATION is"),
        (lambda i: replace(i, controllee="SCHEDD"), "HAD_CONTROLLEE is"),
        (lambda i: replace(i, members=(*i.members, Name("x:1"))), "HAD_LIST is"),
    )
    for change, words in changes:
        async with two(change) as (senior, junior):
            await until(lambda s=senior, j=junior: s.refusals() and j.refusals())  # type: ignore[misc]
            for end in (senior, junior):
                assert len(end.refusals()) == 1
                assert end.refusals()[0].startswith(words)
                assert not end.hellos()


async def test_an_end_that_comes_with_a_hurry_is_an_end() -> None:
    """A dialler that is ended in the very moment in which it is hurried ends; it dialled on, and
    the daemon that waited for it never came to its end.
    """
    members = addresses(2)
    link = Link(Name(members[1].name), End(members[0], identity_of(members), members[1:]))
    napping = asyncio.create_task(link.nap(60))
    await asyncio.sleep(0)  # It naps.
    link.hurry.set()
    napping.cancel()
    await asyncio.wait({napping}, timeout=5)
    assert napping.cancelled()


async def test_another_daemon_of_our_own_name_is_told() -> None:
    """A HAD elsewhere that uses our name is refused, with its address."""
    members = addresses(2)
    identity = identity_of(members)
    ours = End(members[0], identity, members[1:], life="ours")
    await ours.start()
    double = End(members[1], identity, members[:1], life="theirs")
    double.wire = Wire(Name(members[0].name), identity, "")
    hello = double.wire.encode(Hello(identity, "0.1.0", "theirs"))
    async with grpc.aio.insecure_channel(members[0].name) as channel:
        call: Any = channel.stream_stream(CONNECT)()
        await call.write(hello)
        assert isinstance(await call.read(), bytes)  # Our Hello, so that it can say the same.
        assert await call.read() is grpc.aio.EOF
    assert ours.refusals() == ["another HAD runs under my name at 127.0.0.1; stop one of the two"]
    await ours.stop()


async def test_two_daemons_of_one_peers_name_are_told() -> None:
    """A life that comes back after another one was heard: somebody runs twice."""
    members = addresses(2)
    identity = identity_of(members)
    end = End(members[0], identity, members[1:])
    await end.start()
    theirs = Wire(Name(members[1].name), identity, "")
    for life in ("a", "b", "a"):
        async with grpc.aio.insecure_channel(members[0].name) as channel:
            call: Any = channel.stream_stream(CONNECT)()
            await call.write(theirs.encode(Hello(identity, "0.1.0", life)))
            await call.read()
    await until(end.refusals)
    assert "two HADs run under the name" in end.refusals()[0]
    await end.stop()


async def test_two_daemons_of_one_name_back_off_and_are_told_seldom() -> None:
    """They take the stream from each other: later and later, and in few lines on every side."""
    members = addresses(2)
    identity = identity_of(members)
    senior = End(members[0], identity, members[1:])
    twins = [End(members[1], identity, members[:1], life=life) for life in ("a", "b")]
    await senior.start()
    for twin in twins:
        rules = Rules(Name(twin.address.name), identity, Millis(1000), Millis(6000))
        twin.peers.reloaded(rules, 5.0)
        twin.dial()
    await asyncio.sleep(2.0)
    streams = sum(twin.hellos() for twin in twins)
    assert 4 <= streams <= 28, "they go on trying; without a pause some forty a second"
    for end in (senior, *twins):
        assert 1 <= len(end.noted) <= 9, end.noted
    for end in (*twins, senior):
        await end.stop()


async def test_words_that_come_fast_are_said_seldom() -> None:
    """The first ones at once, then one in a while, with how many were left out; the last one is
    always said in the end.
    """
    said: list[tuple[int, int]] = []
    seldom = Seldom[int](lambda item, left_out: said.append((item, left_out)), burst=2, each=0.05)
    for item in range(10):
        seldom(item)
    assert said == [(0, 0), (1, 0)]
    await until(lambda: len(said) == 3)
    assert said[2] == (9, 7)
    await asyncio.sleep(0.12)
    seldom(10)
    assert said[3:] == [(10, 0)]


async def test_both_sides_notice_a_peer_that_is_gone() -> None:
    """The process ends without a word: whoever dialled, the other side knows at once."""
    for gone, left in ((0, 1), (1, 0)):
        async with two() as ends:
            await until(lambda e=ends: all(end.hellos() for end in e))  # type: ignore[misc]
            name = Name(ends[gone].address.name)
            began = asyncio.get_running_loop().time()
            await ends[gone].stop()
            await until(lambda e=ends, left=left, n=name: not e[left].peers.connected(n))  # type: ignore[misc]
            assert asyncio.get_running_loop().time() - began < 0.5
            assert any("is not connected" in note for note in ends[left].noted)


async def test_a_restarted_peer_is_back_within_a_heartbeat_or_so() -> None:
    """The server of the senior goes and comes: the junior is connected again soon after."""
    async with two() as (senior, junior):
        await until(lambda: junior.hellos() == 1)
        assert senior.server is not None
        await senior.server.stop(0)
        await until(lambda: not junior.peers.connected(Name(senior.address.name)))
        await asyncio.sleep(0.5)  # So that the retries have reached their longest pause.
        again = End(senior.address, senior.wire.identity, (junior.address,), life="two")
        await again.start()
        began = asyncio.get_running_loop().time()
        await until(lambda: junior.hellos() == 2)
        assert asyncio.get_running_loop().time() - began < 0.5
        await again.stop()


async def test_a_probe_makes_the_connection_anew() -> None:
    """A silent peer gets a new connection, from whichever side; a fresh one is left alone."""
    async with two() as (senior, junior):
        await until(lambda: junior.hellos() == 1)
        junior.peers.refresh(Name(senior.address.name))
        assert junior.peers.connected(Name(senior.address.name))
        for end, peer, count in ((junior, senior, 2), (senior, junior, 3)):
            await asyncio.sleep(0.6)  # The connection is no longer fresh.
            end.peers.refresh(Name(peer.address.name))
            await until(lambda count=count: junior.hellos() == count)  # type: ignore[misc]


async def test_a_stream_without_a_word_for_a_lease_is_given_up() -> None:
    """At the second look in silence, not at the first."""
    async with two() as (senior, junior):
        await until(lambda: junior.hellos() == 1)
        name = Name(senior.address.name)
        await asyncio.sleep(0.7)
        junior.peers.look(Millis(600))
        assert junior.peers.connected(name)
        junior.peers.look(Millis(600))
        await until(lambda: junior.hellos() == 2)


async def test_a_peer_that_does_not_read_loses_its_stream() -> None:
    """Overflow closes the stream; nothing is dropped in silence."""
    async with two() as (senior, junior):
        await until(lambda: senior.hellos() == 1)
        name = Name(junior.address.name)
        for term in range(LIMIT + 2):  # In one turn of the loop: nobody can read meanwhile.
            senior.peers.send(name, Withdraw(Term(term)))
        await until(lambda: any("does not read" in note for note in senior.noted))
        await until(lambda: senior.hellos() == 2)


async def test_a_hung_resolver_delays_no_other_peer() -> None:
    """One name never answers: the other peer is connected, and hears within milliseconds."""
    members = addresses(2)
    hung = Address("nowhere.example:1", "nowhere.example", 1)
    names = (hung, *members)
    identity = identity_of(names)
    released = threading.Event()

    def look(host: str) -> tuple[str, ...]:
        released.wait()
        return ("127.0.0.1",)

    senior = End(members[0], identity, (hung, members[1]), look=look)
    junior = End(members[1], identity, (hung, members[0]), look=look)
    await senior.start()
    await junior.start()
    await until(lambda: senior.hellos() == 1)
    loop = asyncio.get_running_loop()
    for number in range(1, 20):
        began = loop.time()
        senior.peers.send(Name(members[1].name), Withdraw(Term(number)))
        await until(lambda number=number: len(junior.heard) == 1 + number)  # type: ignore[misc]
        assert loop.time() - began < 0.5
    await until(lambda: any("no answer" in note for note in junior.noted))
    await junior.stop()
    await senior.stop()
    released.set()


async def test_an_unresolvable_peer_is_told_once() -> None:
    """Many failed attempts, one line."""
    members = addresses(1)
    gone = Address("cm9.invalid:1", "cm9.invalid", 1)

    def look(host: str) -> tuple[str, ...]:
        raise OSError("Name or service not known")

    identity = identity_of((gone, *members))
    end = End(members[0], identity, (gone,), look=look)
    await end.start()
    await until(lambda: end.noted)
    await asyncio.sleep(0.5)
    assert end.noted == [
        "cm9.invalid:1 is not connected: cm9.invalid does not resolve: Name or service not known"
    ]
    await end.stop()
