"""Ten thousand pieces of junk at every port of a leader and of a standby.

HADELECT_FUZZ: the seed; it is printed.
"""

import collections
import contextlib
import os
import random
import socket
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

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
        status = dict(
            line.split(":", 1) for line in (process / "status").read_text().splitlines()
        )
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


def pour_datagrams(dice: Random, target: Host, pool: str, names: list[str]) -> None:
    """A few at a time, so that they arrive rather than being dropped by the kernel."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for number in range(PIECES):
            data = junk.noise(dice) if number % 2 else junk.notice(dice, pool, names)
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


def pour_calls(dice: Random, door: Door, calls: list[bytes]) -> int:
    """Many calls on each connection; how many of them got an answer or lost their connection."""
    answered = 0
    for start in range(0, len(calls), IN_A_ROW):
        row = calls[start : start + IN_A_ROW]
        received = b""
        with door() as link:
            with contextlib.suppress(ConnectionError):
                link.sendall(junk.BEGIN + b"".join(row))
                while junk.ended_streams(received) < len(row):
                    piece = link.recv(65536)
                    if not piece:
                        break
                    received += piece
        answered += len(row)
    return answered


def calls_of(dice: Random, methods: tuple[str, ...], samples: tuple[bytes, ...]) -> list[bytes]:
    return [
        junk.rpc(dice, 2 * (number % IN_A_ROW) + 1, methods, samples) for number in range(PIECES)
    ]


def strangers(pool: str) -> tuple[bytes, ...]:
    """What somebody says who is no member: of this pool or another one, and under our own name."""
    return (b"",)


@proves("junk", mode="majority")
def test_ten_thousand_pieces_of_junk_at_every_port(build: Build) -> None:
    """Nobody moves; no memory, no descriptor and no flood of log lines stays behind."""
    print(f"HADELECT_FUZZ={SEED}")
    lab = build(Pool("majority", preset=""))
    lab.start()
    leader = lab.settled()
    before, term = lab.ran(), lab.ran().term
    standby = lab.peers(leader)[-1]
    sender = lab.peers(leader)[0]
    pool, names = str((leader.status() or {})["pool"]), [host.name for host in lab.hosts]
    dice = Random(SEED)
    samples = strangers(pool)

    def pour(target: Host) -> None:
        clock = time.monotonic()
        def lap(what: str) -> None:
            nonlocal clock
            print(f"{what} {time.monotonic() - clock:.1f} s")
            clock = time.monotonic()
        pour_datagrams(dice, target, pool, names)
        lap("datagrams")
        pour_connections(dice, tcp(target.address, target.port), PIECES)
        lap("tcp")
        pour_connections(dice, tcp(target.address, HTTP_PORT), PIECES)
        lap("http")
        pour_connections(dice, unix(target), PIECES)
        lap("unix")
        pour_calls(dice, tcp(target.address, target.port), calls_of(dice, junk.METHODS, samples))
        lap("calls tcp")
        pour_calls(dice, unix(target), calls_of(dice, junk.READING, samples))
        lap("calls unix")

    for target in (leader, standby):
        was = Size.of(target)
        lan.within_namespace(sender.namespace, lambda: pour(target))
        print(was, Size.of(target))
        time.sleep(7)
        print(was, Size.of(target))
    assert lab.one() is leader
    assert (lab.ran().pid, lab.ran().term) == (before.pid, term)
    print(leader.log.read_text()[-6000:])
    lab.never_two()
    assert 0
