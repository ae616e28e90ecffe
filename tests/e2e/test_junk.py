"""Junk on any port is refused and counted, and nobody moves."""

import contextlib
import json
import random
import socket
from collections.abc import Callable
from typing import Any

from tests.e2e import lan
from tests.e2e.faults import proves
from tests.e2e.host import HTTP_PORT, Host, socket_to
from tests.e2e.lab import Lab, Pool, until

Build = Callable[[Pool], Lab]
DICE = random.Random(51450)
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def junk() -> list[bytes]:
    """Noise, another protocol, a lie about a length, nothing."""
    return [
        DICE.randbytes(1),
        DICE.randbytes(1200),
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        PREFACE + b"\xff\xff\xff\x00" + DICE.randbytes(64),
        PREFACE + DICE.randbytes(4000),
        b"",
        b"\x00" * 900,
        b'{"v":1}',
        b"[" * 1000,
    ]


def notices(lab: Lab, host: Host) -> list[bytes]:
    """Datagrams that look like those of a member, but are not."""
    leader = lab.ran()
    true: dict[str, Any] = {
        "v": 1,
        "kind": "released",
        "pool": str((host.status() or {})["pool"]),
        "from": leader.member,
        "term": leader.term,
        "leader": leader.member,
        "secret": "00" * 32,
    }
    lies: list[dict[str, Any]] = [
        true,
        {**true, "pool": "another"},
        {**true, "from": "10.77.0.99:1"},
        {**true, "term": -1},
        {**true, "term": 2**80},
        {**true, "secret": "zz"},
        {**true, "secret": None},
        {**true, "kind": "surprise"},
        {**true, "v": 99},
        {"v": 1, "kind": "probe"},
    ]
    return [json.dumps(lie).encode() for lie in lies]


def pour_stream(host: Host, target: Host, port: int, data: bytes) -> None:
    with contextlib.suppress(OSError), socket_to(host, target.address, port) as link:
        link.sendall(data)
        link.settimeout(0.1)
        link.recv(4096)


def refusals(host: Host) -> float:
    return host.metric("hadelect_messages_total", result="refused")


def counts_more(host: Host, before: float) -> None:
    until(lambda: refusals(host) > before, 5, lambda: f"{host} counted nothing")


@proves("junk")
def test_junk_on_every_port(build: Build, mode: str) -> None:
    """Noise and lies on TCP, UDP, HTTP and the Unix socket of all members change nothing."""
    lab = build(Pool(mode))
    lab.start()
    leader = lab.settled()
    before = lab.ran()
    counted = {host.name: refusals(host) for host in lab.hosts}
    sender = lab[0]
    for target in lab.hosts:
        with lan.socket_in(sender.namespace, socket.SOCK_DGRAM) as datagrams:
            for data in (*junk(), *notices(lab, target)):
                datagrams.sendto(data, (target.address, target.port))
        for data in junk():
            pour_stream(sender, target, target.port, data)
            pour_stream(sender, target, HTTP_PORT, data)
            pour_unix(target, data)
    for host in lab.hosts:
        counts_more(host, counted[host.name])
    assert lab.one() is leader
    assert lab.ran().pid == before.pid
    assert not any("Traceback" in host.log.read_text() for host in lab.hosts), lab.story()


def pour_unix(host: Host, data: bytes) -> None:
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as link:
        link.settimeout(0.1)
        link.connect(str(host.home / "state" / "control.sock"))
        link.sendall(data)
        link.recv(4096)


def test_http_answers_nonsense_with_a_refusal(build: Build) -> None:
    """Unknown paths, verbs and endless headers get an error status or a closed connection."""
    lab = build(Pool("none", hosts=1))
    lab.start()
    host = lab.settled()
    assert host.get("/nothing/here")[0] == 404
    for request in (
        b"POST /leader HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 10_000 + b"\r\n",
    ):
        with socket_to(host, "127.0.0.1", HTTP_PORT) as link, contextlib.suppress(OSError):
            link.sendall(request)
            answer = link.recv(64)
            assert not answer or answer.split()[1][:1] in (b"4", b"5"), answer
    assert host.get("/leader")[0] == 200


@proves("junk", mode="majority")
def test_a_crowd_of_idle_connections_moves_nobody(build: Build) -> None:
    """Two hundred connections that never say a word do not keep Alive messages from passing."""
    lab = build(Pool("majority"))
    lab.start()
    leader = lab.settled()
    before = lab.ran()
    with contextlib.ExitStack() as crowd:
        for port in (leader.port, HTTP_PORT):
            for _ in range(100):
                crowd.enter_context(socket_to(lab.peers(leader)[0], leader.address, port))
        assert lab.one() is leader
    assert lab.ran().pid == before.pid
    lab.never_two()
