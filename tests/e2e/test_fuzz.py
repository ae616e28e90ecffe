"""Ten thousand pieces of junk at every port of a leader and of a standby.

HADELECT_FUZZ: the seed; it is printed.
"""

import collections
import contextlib
import os
import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest

from hadelect.pb import election_pb2 as pb
from hadelect.pb.control_pb2 import DrainRequest, StatusRequest
from tests.e2e import junk_bytes as junk
from tests.e2e import lan
from tests.e2e.faults import proves
from tests.e2e.host import HTTP_PORT, Host, Part
from tests.e2e.lab import Lab, Pool, until

Build = Callable[[Pool], Lab]
SEED = int(os.environ.get("HADELECT_FUZZ", "51450"))
PIECES = 10_000  # Of each kind, at each of two members.
OPEN = 50  # Connections that stay half open meanwhile.
IN_A_ROW = 100  # Calls on one connection.
MORE_RSS_KIB = 32 * 1024
LINES_PER_1000 = 1
RESET_AT_CLOSE = struct.pack("ii", 1, 0)
Door = Callable[[], socket.socket]  # Makes one connection.


@dataclass(frozen=True, slots=True)
class Size:
    """What a daemon holds, and what it has said."""

    rss_kib: int
    descriptors: int
    lines: int

    @classmethod
    def of(cls, host: Host) -> "Size":
        process = Path(f"/proc/{host.pid(Part.DAEMON)}")
        status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
        lines = host.log.read_bytes().count(b"\n")
        return cls(int(status["VmRSS"].split()[0]), len(list((process / "fd").iterdir())), lines)


def tcp(address: str, port: int) -> Door:
    return lambda: socket.create_connection((address, port), timeout=3)


def unix(target: Host) -> Door:
    def connect() -> socket.socket:
        link = socket.socket(socket.AF_UNIX)
        link.settimeout(3)
        link.connect(str(target.home / "state" / "control.sock"))
        return link

    return connect


def pour_datagrams(target: Host, lies: Iterable[bytes]) -> None:
    """A few at a time, so that they arrive rather than being dropped by the kernel."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for number, data in enumerate(lies):
            sock.sendto(data, (target.address, target.port))
            if number % 100 == 0:
                time.sleep(0.005)


def pour_connections(dice: Random, door: Door, count: int) -> None:
    """Each ends in its own way: closed, reset, after a look at the answer, or left half open."""
    half_open: collections.deque[socket.socket] = collections.deque()
    for data in junk.openings(dice, count):
        with contextlib.suppress(OSError):
            link = door()
            half_open.append(link)
            link.sendall(data)
            end = dice.random()
            if end < 0.1:
                link.settimeout(0.02)
                link.recv(4096)
            elif end < 0.4:
                link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
            if end < 0.9 or len(half_open) > OPEN:
                half_open.pop().close()
    for link in half_open:
        link.close()


def pour_calls(door: Door, calls: list[bytes]) -> None:
    """Many calls on each connection; all of them get an answer, or lose their connection."""
    for start in range(0, len(calls), IN_A_ROW):
        row = calls[start : start + IN_A_ROW]
        received = b""
        with door() as link, contextlib.suppress(ConnectionError):
            link.sendall(junk.BEGIN + b"".join(row))
            while junk.ended_streams(received) < len(row):
                piece = link.recv(65536)
                if not piece:
                    break
                received += piece


@dataclass(frozen=True, slots=True)
class Flood:
    """All kinds of junk, from one host, at one member."""

    dice: Random
    target: Host
    pool: str
    names: list[str]

    def pour(self, pieces: int) -> None:
        """So many of each kind at each port. To be called within the sender's namespace."""
        dice, target = self.dice, self.target
        member = tcp(target.address, target.port)
        pour_datagrams(target, self._notices(pieces))
        for door in (member, tcp(target.address, HTTP_PORT), unix(target)):
            pour_connections(dice, door, pieces)
        pour_calls(member, self._calls(pieces, junk.METHODS))
        pour_calls(unix(target), self._calls(pieces, junk.READING))

    def _notices(self, pieces: int) -> Iterator[bytes]:
        for number in range(pieces):
            lie = junk.notice(self.dice, self.pool, self.names)
            yield lie if number % 2 else junk.noise(self.dice)

    def _calls(self, pieces: int, methods: tuple[str, ...]) -> list[bytes]:
        samples = strangers(self.dice, self.pool, self.names)
        return [
            junk.rpc(self.dice, 2 * (number % IN_A_ROW) + 1, methods, samples)
            for number in range(pieces)
        ]


def strangers(dice: Random, pool: str, names: list[str]) -> tuple[bytes, ...]:
    """Valid envelopes of no member: another pool, a name that is not in the list, no Hello."""
    identity = pb.Identity(
        pool="another", members=names, arbitration=pb.ARBITRATION_MAJORITY, controllee="NEGOTIATOR"
    )
    hello = pb.Hello(identity=identity, version="0.1", life="x")
    says: dict[str, Any] = {
        "sender": f"10.77.0.99:{dice.randrange(1000)}",
        "protocol": 1,
        "identity_digest": "x",
    }
    return (
        pb.Envelope(pool="another", hello=hello, **says).SerializeToString(),
        pb.Envelope(pool=pool, vote=pb.Vote(term=2**40, sent_at=1), **says).SerializeToString(),
        pb.Envelope(pool=pool, withdraw=pb.Withdraw(term=1), **says).SerializeToString(),
        pb.OperateRequest(pool=pool, drain=DrainRequest(), **says).SerializeToString(),
        StatusRequest().SerializeToString(),
    )


def refused(host: Host) -> float:
    return host.metric("hadelect_messages_total", result="refused")


def endure(flood: Flood, sender: Host) -> None:
    """A warm-up, then all of it: nothing stays behind."""
    target = flood.target
    idle = Size.of(target)
    lan.within_namespace(sender.namespace, partial(flood.pour, PIECES // 10))
    warm, counted, began = Size.of(target), refused(target), time.monotonic()
    lan.within_namespace(sender.namespace, partial(flood.pour, PIECES))
    took = time.monotonic() - began
    until(
        lambda: Size.of(target).descriptors <= idle.descriptors,
        20,
        lambda: f"{idle.descriptors} descriptors before, now {Size.of(target).descriptors}",
    )
    after = Size.of(target)
    print(f"{target}: {took:.1f} s; {refused(target) - counted:.0f} refused;")
    print(f"  idle {idle}\n  warm {warm}\n  after {after}")
    assert after.rss_kib - warm.rss_kib < MORE_RSS_KIB
    assert after.lines - warm.lines <= LINES_PER_1000 * 6 * PIECES / 1000
    assert refused(target) - counted > PIECES
    assert b"Traceback" not in target.log.read_bytes()


@pytest.mark.timeout(300)  # It is long when others use the cores.
@proves("fuzz", mode="majority")
def test_ten_thousand_pieces_of_junk_of_each_kind_at_every_port(build: Build) -> None:
    """Nobody moves; no memory, no descriptor and no flood of log lines stays behind."""
    print(f"HADELECT_FUZZ={SEED}")
    lab = build(Pool("majority", preset=""))
    lab.start()
    leader = lab.settled()
    before = lab.ran()
    sender, standby = lab.peers(leader)
    pool, names = str((leader.status() or {})["pool"]), [host.name for host in lab.hosts]
    daemons = [host.pid(Part.DAEMON) for host in lab.hosts]
    for target in (leader, standby):
        endure(Flood(Random(f"{SEED} {target}"), target, pool, names), sender)
    assert lab.one() is leader
    assert (lab.ran().pid, lab.ran().term) == (before.pid, before.term)
    assert [host.pid(Part.DAEMON) for host in lab.hosts] == daemons
    lab.never_two()
