"""One supervisor with a stand-in daemon, as a process of its own, seen from outside."""

import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, TypeVar

from hadelect.supervisor import earlier, fence, notice, packets

ROOT = Path(__file__).parent.parent.parent
HERE = Path(__file__).parent
PIDFD_GETFD = 438  # On every architecture; see pidfd_getfd(2).
PATIENCE_S = float(os.environ.get("HADELECT_TEST_PATIENCE", "10"))  # Mutants are given less.

Said = dict[str, Any]


T = TypeVar("T")


def until(ask: Callable[[], T], patience_s: float = PATIENCE_S) -> T:
    """The first true answer; fails when there is none in time."""
    end = time.monotonic() + patience_s
    while not (answer := ask()):
        assert time.monotonic() < end, f"not within {patience_s:g} s"
        time.sleep(0.002)
    return answer


def is_alive(pid: int) -> bool:
    """Zombies are not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def unread(pid: int) -> list[bytes]:
    """What waits first in each socket of a process, left where it is; root may look."""
    syscall = ctypes.CDLL(None, use_errno=True).syscall
    pidfd = os.pidfd_open(pid)
    found = []
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError, BlockingIOError):
            if path.readlink().name.startswith("socket:"):
                ours = syscall(PIDFD_GETFD, pidfd, int(path.name), 0)
                assert ours >= 0, os.strerror(ctypes.get_errno())
                with socket.socket(fileno=ours) as sock:
                    found.append(sock.recv(65536, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    os.close(pidfd)
    return found


def remove_cgroup(state_dir: Path) -> None:
    """A supervisor that was killed leaves an empty one to the next life."""
    try:
        cgroup = packets.text(earlier.read(str(state_dir / earlier.FILE)), "cgroup")
    except (OSError, ValueError):
        return

    def is_removed() -> bool:
        fence.remove_cgroup(cgroup)
        return not Path(cgroup).exists()

    if cgroup:
        until(is_removed)


class Had:
    """The process under test. Every process of its controllee carries `member` in its environment,
    so that the host sees which of them live.
    """

    def __init__(
        self,
        state_dir: Path,
        *arguments: str,
        environment: dict[str, str] | None = None,
        python: str = sys.executable,
        user: int | None = None,
    ) -> None:
        self.member = f"had-{uuid.uuid4().hex}:1"
        self.state_dir = state_dir
        self.inbox = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.inbox.bind(("127.0.0.1", 0))
        self.said: list[Said] = []
        self._rest = b""
        self.process = subprocess.Popen(
            [python, "-P", str(HERE / "stand_in_supervisor.py"), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
            user=user,
            group=user,
            extra_groups=[] if user else None,
        )
        self.daemon = 0
        self.init = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Whatever the test did: nothing of it stays."""
        for pid in (self.process.pid, self.daemon):
            if pid and is_alive(pid):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(PATIENCE_S)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert pipe
            pipe.close()
        self.inbox.close()
        if self.init and is_alive(self.init):
            os.kill(self.init, signal.SIGCONT)  # Frozen, it does not see that it is alone.
        until(lambda: not self.living())
        until(lambda: not self.init or not is_alive(self.init))
        remove_cgroup(self.state_dir)

    # --- orders and answers ---

    def order(self, do: str, **order: object) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps({"do": do, **order}).encode() + b"\n")
        self.process.stdin.flush()

    def expect(self, event: str, patience_s: float = PATIENCE_S, **fields: object) -> Said:
        """The next line of this event with these fields; others before it are skipped."""

        def find() -> Said | None:
            self._read()
            for place, said in enumerate(self.said):
                if said["event"] == event and fields.items() <= said.items():
                    del self.said[: place + 1]
                    return said
            return None

        found = until(find, patience_s)
        assert found
        if event == "born":
            self.daemon = found["pid"]
        if "init" in found:
            self.init = found["init"]
        return found

    def _read(self) -> None:
        assert self.process.stdout
        fd = self.process.stdout.fileno()
        while select.select([fd], [], [], 0)[0]:
            chunk = os.read(fd, 65536)
            if not chunk:
                return
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            self.said += [json.loads(line) for line in lines]

    def configure(self, kind: str = "runs", **given: object) -> None:
        controllee = {"argv": [sys.executable, str(HERE / "controllee.py"), kind]}
        extra = given.pop("controllee", {})
        assert isinstance(extra, dict)
        self.order(
            "configure",
            state_dir=str(self.state_dir),
            member=self.member,
            controllee=controllee | extra,
            **given,
        )
        self.order("peers", peers=[["127.0.0.1", self.inbox.getsockname()[1]]])

    def ready(self, kind: str = "runs", **given: object) -> Said:
        self.expect("born")
        self.configure(kind, **given)
        return self.expect("SupervisorReady")

    def running(self, kind: str = "runs", term: int = 1, **given: object) -> Said:
        """Started and seen to run, its whole tree; its deadline is 30 s away."""
        self.ready(kind, **given)
        self.order("start", term=term, for_ms=30_000)
        return self.expect_up(term)

    def expect_up(self, term: int) -> Said:
        running = self.expect("ControlleeChanged", state="running", term=term)

        def says_up() -> bool:
            self._read()
            return any(said.get("line", "").startswith("up") for said in self.said)

        until(says_up)
        return running

    # --- the world ---

    def living(self) -> list[int]:
        """Host pids of all living processes of the controllee."""
        mark = f"HADELECT_MEMBER={self.member}".encode()
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                if mark in path.read_bytes().split(b"\0") and is_alive(int(path.parent.name)):
                    found.append(int(path.parent.name))
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
        return found

    def kill(self, pid: int, number: int = signal.SIGKILL) -> None:
        os.kill(pid, number)

    def notices(self) -> list[notice.Datagram]:
        """All that have arrived."""
        found = []
        while select.select([self.inbox], [], [], 0)[0]:
            found.append(notice.decode(self.inbox.recv(2048)))
        return found

    def expect_notice(self) -> notice.Datagram:
        assert select.select([self.inbox], [], [], PATIENCE_S)[0], "no notice"
        return notice.decode(self.inbox.recv(2048))
