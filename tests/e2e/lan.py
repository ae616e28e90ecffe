"""A small network that exists for one test: hosts in network namespaces of their own, one bridge.

Law 1: nothing leaves the namespaces; veth pairs are born inside them, addresses are 10.77.0.N.
Law 2: a cut is silent: carrier stays up, no reset, no ICMP, only frames that never arrive.
Law 3: whatever happens to the run, its namespaces go: `close`, atexit, and the next run's `sweep`
       (names carry the owner's pid and start time, so nobody removes what is still in use).
"""

import atexit
import contextlib
import ctypes
import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
PREFIX = "hade2e"
NETNS = Path("/run/netns")
NOBODY_HOME = (
    "02:00:00:00:ff:ff"  # A station that does not exist: frames to it are lost in silence.
)
TOOLS = ("ip", "mkfs.ext4", "nft", "nsenter", "unshare")
DEBIAN = "e2fsprogs, iproute2, nftables, util-linux"
_count = itertools.count(1)


class LabError(Exception):
    """The lab itself failed, not what is tested in it."""


def unavailable() -> str:
    """Why no network can be built here; empty when it can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        return f"not installed: {', '.join(missing)} (Debian: {DEBIAN})"
    probe = f"{PREFIX}-{owner()}-probe"
    made = subprocess.run(
        ["ip", "netns", "add", probe], capture_output=True, text=True, check=False
    )
    if made.returncode:
        return f"ip netns add: {made.stderr.strip()}"
    _remove(probe)
    return ""


def started(pid: int) -> str:
    """Start time of a process in clock ticks since boot; empty when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except OSError:
        return ""


def owner() -> str:
    return f"{os.getpid()}.{started(os.getpid())}"


def inhabitants(namespace: str) -> Iterator[int]:
    """Host pids of all processes that live in a namespace."""
    try:
        inode = (NETNS / namespace).stat().st_ino
    except FileNotFoundError:
        return
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if (entry / "ns/net").stat().st_ino == inode:
                    yield int(entry.name)


def within_namespace(namespace: str, make: Callable[[], T]) -> T:
    """What `make` gives when called within a namespace: by a thread that steps into it and ends."""
    made: list[T] = []

    def step_in() -> None:
        enter = ctypes.CDLL(None, use_errno=True).setns
        with (NETNS / namespace).open() as door:
            if enter(door.fileno(), 0) == 0:
                made.append(make())

    thread = threading.Thread(target=step_in)
    thread.start()
    thread.join()
    if not made:
        raise LabError(f"{namespace}: nothing could be made in it")
    return made[0]


def socket_in(
    namespace: str,
    kind: socket.SocketKind,
    family: socket.AddressFamily = socket.AF_INET,
    protocol: int = 0,
) -> socket.socket:
    """A socket that lives in a namespace."""
    return within_namespace(namespace, lambda: socket.socket(family, kind, protocol))


def evict(namespace: str) -> None:
    """SIGKILL everything in a namespace and wait until it is empty.

    The youngest first: the kernel continues a stopped process group whose parent ends.
    """
    deadline = time.monotonic() + 10
    while living := [pid for pid in inhabitants(namespace) if not zombie(pid)]:
        for pid in sorted(living, key=lambda pid: (int(started(pid) or 0), pid), reverse=True):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            raise LabError(f"{namespace}: SIGKILL does not end {living}")
        time.sleep(0.002)


def zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX"
    except OSError:
        return True


def _remove(namespace: str) -> None:
    evict(namespace)
    subprocess.run(["ip", "netns", "delete", namespace], capture_output=True, check=False)


def sweep() -> None:
    """Remove what crashed runs left: namespaces whose owner is no more."""
    for name in [entry.name for entry in NETNS.iterdir()] if NETNS.is_dir() else ():
        match = re.fullmatch(rf"{PREFIX}-(\d+)\.(\d+)-.*", name)
        if match and started(int(match[1])) != match[2]:
            _remove(name)


class Lan:
    """`size` hosts, numbered from 1, on one bridge; any of them cut off, any direction blocked."""

    def __init__(self, size: int) -> None:
        sweep()
        self.tag = f"{PREFIX}-{owner()}-{next(_count)}"
        self.numbers = tuple(range(1, size + 1))
        self.bridge = f"{self.tag}-b"
        atexit.register(self.close)
        try:
            self._build()
        except LabError:
            self.close()
            raise

    def namespace(self, number: int) -> str:
        return f"{self.tag}-{number}"

    def address(self, number: int) -> str:
        return f"10.77.0.{number}"

    def close(self) -> None:
        """Kill all that runs in the namespaces and remove them. May be called twice."""
        atexit.unregister(self.close)
        for name in (*map(self.namespace, self.numbers), self.bridge):
            _remove(name)

    def cut(self, number: int) -> None:
        """Take the host's cable off the bridge: its carrier stays up, nobody is told."""
        ip(self.bridge, f"link set v{number} nomaster")

    def mend(self, number: int) -> None:
        """Put the cable back."""
        ip(self.bridge, f"link set v{number} master br0")

    def block(self, source: int, target: int) -> None:
        """Lose every frame from `source` to `target`; the other way stays open."""
        ip(self.namespace(source), self._station(target, NOBODY_HOME))

    def unblock(self, source: int, target: int) -> None:
        ip(self.namespace(source), self._station(target, _mac(target)))

    def part(self, left: int, right: int) -> None:
        """Lose every frame between two hosts, in both directions."""
        self.block(left, right)
        self.block(right, left)

    def join(self, left: int, right: int) -> None:
        self.unblock(left, right)
        self.unblock(right, left)

    def lose_udp(self, source: int, target: int) -> None:
        """Lose datagrams from `source` to `target` as a firewall would; TCP passes."""
        rules = (
            "add table inet lost",
            "add chain inet lost out { type filter hook output priority 0; }",
            f"add rule inet lost out ip daddr {self.address(target)} meta l4proto udp drop",
        )
        door = f"--net={NETNS / self.namespace(source)}"
        run("nsenter", door, "nft", "; ".join(rules))

    def _station(self, number: int, mac: str) -> str:
        return f"neigh replace {self.address(number)} lladdr {mac} dev eth0 nud permanent"

    def _build(self) -> None:
        names = (*map(self.namespace, self.numbers), self.bridge)
        ip("", *(f"netns add {name}" for name in names))
        ip(
            self.bridge,
            "link add br0 type bridge forward_delay 0 mcast_snooping 0",
            "link set br0 up",
        )
        for number in self.numbers:
            home = self.namespace(number)
            ip(
                self.bridge,
                f"link add v{number} type veth peer name eth0 address {_mac(number)} netns {home}",
                f"link set v{number} master br0 up",
            )
            ip(
                home,
                "link set lo up",
                f"addr add {self.address(number)}/24 dev eth0",
                "link set eth0 up",
                *(self._station(other, _mac(other)) for other in self.numbers if other != number),
            )


def _mac(number: int) -> str:
    return f"02:00:00:00:00:{number:02x}"


def ip(namespace: str, *commands: str) -> None:
    where = ["-n", namespace] if namespace else []
    run("ip", *where, "-batch", "-", said="\n".join(commands))


def run(*command: str, said: str = "") -> None:
    """A command of the lab's own. Raises LabError with what it said."""
    done = subprocess.run(command, input=said, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"{' '.join(command)}: {said}: {done.stderr.strip()}")
