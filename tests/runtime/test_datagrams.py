"""The UDP port: what is ours is heard, what is not is counted."""

import socket
from collections.abc import AsyncIterator

import pytest

from hadelect.config.model import Address
from hadelect.core.effects import SendDatagram
from hadelect.core.events import Event, Received, Released
from hadelect.core.messages import Probe, ProbeReply, Proof
from hadelect.core.vocabulary import Arbitration, Identity, Millis, Name, Rules, Term
from hadelect.runtime.datagrams import Datagrams, Ports
from hadelect.runtime.listening import Place, udp_socket
from hadelect.runtime.metrics import Metrics
from hadelect.runtime.resolver import AddressBook, Resolver
from hadelect.supervisor import notice
from tests.runtime.pool import free_port, until


class End:
    """A member's UDP port and what it brought."""

    def __init__(self, me: Name, identity: Identity, port: int, peer: Address) -> None:
        self.heard: list[Event] = []
        self.metrics = Metrics()
        self.book = AddressBook((peer,), Resolver(), lambda: None)
        self.port = port
        rules = Rules(me, identity)
        self.datagrams = Datagrams(Ports(rules, self.book, self, self.metrics))

    def hear(self, event: Event) -> None:
        self.heard.append(event)

    def note(self, text: str, *, warning: bool = False) -> None: ...

    def refused(self) -> float:
        return float(self.metrics.messages.labels("unknown", "in", "refused")._value.get())


@pytest.fixture(params=["127.0.0.1", "::"])
async def ends(request: pytest.FixtureRequest) -> AsyncIterator[tuple[End, End]]:
    """Two members; on one address, and on all addresses of both families."""
    ports = [free_port(), free_port()]
    names = tuple(Name(f"127.0.0.1:{port}") for port in ports)
    identity = Identity("pool", names, (), Arbitration.NONE, "N")
    both = []
    for mine, its in ((0, 1), (1, 0)):
        peer = Address(names[its], "127.0.0.1", ports[its])
        end = End(names[mine], identity, ports[mine], peer)
        await end.book.refresh(names[its], 1)
        await end.datagrams.listen(udp_socket(Place(request.param, ports[mine])))
        both.append(end)
    yield both[0], both[1]
    for end in both:
        end.datagrams.close()


async def test_a_probe_and_its_answer_arrive(ends: tuple[End, End]) -> None:
    """What one sends is what the other's core hears."""
    one, two = ends
    a, b = (Name(f"127.0.0.1:{end.port}") for end in ends)
    one.datagrams.send(SendDatagram(b, Probe(Term(64), Millis(5))))
    await until(lambda: two.heard)
    assert two.heard == [Received(a, Probe(Term(64), Millis(5)))]
    two.datagrams.send(SendDatagram(a, ProbeReply(Millis(5), Term(64))))
    await until(lambda: one.heard)
    assert one.heard == [Received(b, ProbeReply(Millis(5), Term(64)))]


async def test_a_death_notice_is_heard(ends: tuple[End, End]) -> None:
    """As the supervisor sends it, from a socket of its own."""
    one, two = ends
    leader = Name(f"127.0.0.1:{two.port}")
    pour(one, notice.released("pool", leader, 65, "ab" * 32))
    await until(lambda: one.heard)
    assert one.heard == [Released(Proof(Term(65), leader, "ab" * 32))]


def pour(end: End, data: bytes) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.sendto(data, ("127.0.0.1", end.port))


async def test_junk_is_counted_and_nothing_else(ends: tuple[End, End]) -> None:
    """Noise, another pool, a stranger, a notice about nobody we know."""
    one, two = ends
    peer = f"127.0.0.1:{two.port}"
    junk = [
        b"\xff" * 500,
        b"[" * 1024,
        b"{}",
        b"x" * 60_000,
        notice.probe("other", peer, 1, 1),
        notice.probe("pool", "cm9:1", 1, 1),
        notice.released("pool", "cm9:1", 65, "ab" * 32),
        notice.probe("pool", f"127.0.0.1:{one.port}", 1, 1),  # In our own name.
    ]
    for data in junk:
        pour(one, data)
    await until(lambda: one.refused() == len(junk))
    assert one.heard == []


async def test_a_datagram_to_nowhere_is_lost_and_counted() -> None:
    """The peer's name does not resolve (yet)."""
    a, b = Name("a:1"), Name("b:1")
    identity = Identity("pool", (a, b), (), Arbitration.NONE, "N")
    end = End(a, identity, 1, Address("b:1", "b.invalid", 1))
    end.datagrams.send(SendDatagram(b, Probe(Term(1), Millis(1))))
    assert end.metrics.messages.labels("Probe", "out", "dropped")._value.get() == 1
