"""Packets between daemon, supervisor and init; what is none of ours; what comes beside them."""

import contextlib
import os
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadelect.supervisor import packets
from hadelect.supervisor.packets import JunkError
from hadelect.supervisor.spec import Spec

Pair = tuple[socket.socket, socket.socket]

CONFIGURE: packets.Body = {
    "do": "configure",
    "state_dir": "/x",
    "pool": "p",
    "member": "a:1",
    "controllee": "X",
    "argv": ["/bin/true"],
    "environment": [["A", "b"]],
    "user": None,
    "stop_signal": 15,
    "stop_timeout_ms": 1,
    "start_grace_ms": 1,
    "fence": "auto",
    "state_lock": "",
    "may_be_unfenced": False,
}


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = packets.pair()
    with ours, theirs:
        yield ours, theirs


def test_descriptors(pair: Pair) -> None:
    """Descriptors arrive with their packet, closed at exec."""
    ours, theirs = pair
    out, back = os.pipe()
    assert packets.send(ours, {"do": "x", "n": 1}, (out, back))
    packet = packets.receive(theirs)
    assert packet
    assert (packet.do, packet.body["n"], len(packet.fds)) == ("x", 1, 2)
    assert not any(os.get_inheritable(fd) for fd in packet.fds)
    for fd in (*packet.fds, out, back):
        os.close(fd)


def test_pid(pair: Pair) -> None:
    """The kernel vouches for the pid that a packet is about."""
    ours, theirs = pair
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    assert packets.send_about(ours, {"do": "x"}, os.getpid())
    packet = packets.receive(theirs)
    assert packet
    assert packet.pid == os.getpid()


def test_nothing_and_end(pair: Pair) -> None:
    """Nothing there: BlockingIOError. Closed: None, and sending says False."""
    ours, theirs = pair
    with pytest.raises(BlockingIOError):
        packets.receive(theirs)
    theirs.close()
    assert packets.receive(ours) is None
    assert not packets.send(ours, {"do": "x"})


def test_nobody_reads(pair: Pair) -> None:
    """A full buffer is told, not waited for."""
    ours, _ = pair
    for _ in range(10_000):
        if not packets.send(ours, {"do": "x", "pad": "y" * 1000}):
            return
    raise AssertionError("never full")


def test_too_long(pair: Pair) -> None:
    """What would not fit is refused here, with the remedy."""
    with pytest.raises(ValueError, match="shorten the environment"):
        packets.send(pair[0], {"do": "x", "pad": "y" * packets.MAX_BYTES})
    pair[0].send(b"y" * (packets.MAX_BYTES + 1))
    with pytest.raises(JunkError, match="longer"):
        packets.receive(pair[1])


@given(st.binary(min_size=1, max_size=200))
def test_any_bytes(junk: bytes) -> None:
    """Any packet is one of ours or JunkError; its descriptors are closed then."""
    ours, theirs = packets.pair()
    with ours, theirs:
        ours.send(junk)
        with contextlib.suppress(JunkError):
            assert packets.receive(theirs)


@pytest.mark.parametrize(
    "wrong",
    [
        {"state_dir": 7},
        {"pool": None},
        {"argv": "x"},
        {"argv": ["a\0b"]},
        {"argv": ["\ud800"]},
        {"environment": [["A"]]},
        {"environment": [["A=B", "x"]]},
        {"environment": [["", "x"]]},
        {"environment": [["A", 7]]},
        {"environment": ["A"]},
        {"user": "nobody"},
        {"user": {"name": "x"}},
        {"user": {"name": "x", "home": "/", "uid": 2**32, "gid": 1, "groups": []}},
        {"stop_signal": 0},
        {"stop_signal": 65},
        {"stop_timeout_ms": -1},
        {"fence": "wall"},
        {"may_be_unfenced": 1},
    ],
)
def test_configure(wrong: packets.Body) -> None:
    """One wrong field of `configure` is refused."""
    Spec(CONFIGURE)
    with pytest.raises(JunkError):
        Spec({**CONFIGURE, **wrong})
