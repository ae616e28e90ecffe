"""The floor under every failover: a TCP peer is killed, the other end reads EOF and spawns a child.

Nothing of hadelect is in it: what it takes here and now, no failover can beat.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.proc_events import ProcEvents
from tests.e2e import lan

PORT = 7000
VICTIM = """
import socket, sys, signal
link = socket.create_connection((sys.argv[1], int(sys.argv[2])))
link.send(b"x")
signal.pause()
"""
HEIR = """
import os, socket, sys
server = socket.create_server((sys.argv[1], int(sys.argv[2])))
print("ready", flush=True)
while True:
    link, _ = server.accept()
    link.recv(1)
    print("linked", flush=True)
    link.recv(1)
    print(os.posix_spawn("/bin/sleep", ["sleep", "0.05"], os.environ), flush=True)
    os.wait()
"""


@dataclass(frozen=True, slots=True)
class Peers:
    """The heir, up and waiting, and where its victims are born."""

    net: lan.Lan
    heir: subprocess.Popen[bytes]

    def said(self) -> bytes:
        assert self.heir.stdout is not None
        return self.heir.stdout.readline()


@contextmanager
def running() -> Iterator[Peers]:
    """Two namespaces, gone afterwards."""
    net = lan.Lan(2)
    try:
        heir = _run(net, 1, HEIR, stdout=subprocess.PIPE)
        with heir:
            peers = Peers(net, heir)
            assert peers.said() == b"ready\n"
            yield peers
            heir.kill()
    finally:
        net.close()


def trial(peers: Peers, events: ProcEvents) -> float:
    """Milliseconds from SIGKILL on one host to the exec on the other."""
    victim = _run(peers.net, 2, VICTIM, stdout=None)
    assert peers.said() == b"linked\n"
    time.sleep(0.05)
    killed = time.monotonic_ns()
    victim.send_signal(signal.SIGKILL)
    child = int(peers.said())
    victim.wait()
    return (events.began(child) - killed) / 1e6


def _run(net: lan.Lan, number: int, story: str, stdout: int | None) -> subprocess.Popen[bytes]:
    door = f"--net={Path(lan.NETNS) / net.namespace(number)}"
    python = [sys.executable, "-ISE", "-c", story, net.address(1), str(PORT)]
    return subprocess.Popen(["nsenter", door, *python], stdout=stdout)
