"""The network of the lab does what the stories rely on."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator

import pytest

from tests.e2e import lan as network
from tests.e2e.lan import Lan, socket_in


@pytest.fixture
def lan() -> Iterator[Lan]:
    net = Lan(3)
    yield net
    net.close()


def arrives(lan: Lan, source: int, target: int) -> bool:
    """Whether one datagram gets through."""
    with (
        socket_in(lan.namespace(source), socket.SOCK_DGRAM) as sender,
        socket_in(lan.namespace(target), socket.SOCK_DGRAM) as receiver,
    ):
        receiver.bind((lan.address(target), 9))
        receiver.settimeout(0.2)
        sender.sendto(b"here", (lan.address(target), 9))
        with contextlib.suppress(TimeoutError):
            return receiver.recv(16) == b"here"
    return False


def test_everybody_hears_everybody(lan: Lan) -> None:
    """Three hosts on one bridge reach each other, both ways."""
    assert all(arrives(lan, a, b) for a in lan.numbers for b in lan.numbers if a != b)


def test_a_cut_is_silent_and_mended(lan: Lan) -> None:
    """A host cut off hears and reaches nobody, is told nothing, and is back when mended."""
    lan.cut(1)
    assert not arrives(lan, 1, 2)
    assert not arrives(lan, 3, 1)
    assert arrives(lan, 2, 3)
    lan.mend(1)
    assert arrives(lan, 1, 2)


def test_one_direction_alone_can_be_lost(lan: Lan) -> None:
    """Blocked from 1 to 3, datagrams from 3 to 1 still arrive."""
    lan.block(1, 3)
    assert not arrives(lan, 1, 3)
    assert arrives(lan, 3, 1)
    lan.unblock(1, 3)
    assert arrives(lan, 1, 3)


def test_a_chain_has_no_ends_that_meet(lan: Lan) -> None:
    """With 1 and 3 parted, 2 still talks to both."""
    lan.part(1, 3)
    assert not arrives(lan, 1, 3)
    assert not arrives(lan, 3, 1)
    assert arrives(lan, 1, 2)
    assert arrives(lan, 2, 3)
    lan.join(1, 3)
    assert arrives(lan, 3, 1)


def test_a_crashed_run_is_swept_up() -> None:
    """Namespaces of a run that was killed, and what still runs in them, go with the next run."""
    story = textwrap.dedent("""
        import os, subprocess
        from tests.e2e.lan import Lan
        lan = Lan(1)
        door = f"--net=/run/netns/{lan.namespace(1)}"
        inside = subprocess.Popen(["nsenter", door, "sleep", "60"])
        print(lan.tag, inside.pid, flush=True)
        os.read(0, 1)
    """)
    run = subprocess.Popen(
        [sys.executable, "-c", story], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with run:
        assert run.stdout is not None
        tag, left_behind = run.stdout.readline().split()
        os.kill(run.pid, signal.SIGKILL)
    network.sweep()
    assert not list(network.NETNS.glob(f"{tag}-*"))
    assert network.zombie(int(left_behind))
