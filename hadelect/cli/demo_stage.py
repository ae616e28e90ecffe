"""The stage of `hadelect demo`: a directory, a configuration, members as a user would start them.

Law 1: what was started here is ended here, whatever happens: members by their own pids, and what
they may leave behind by the journal that only our schedulers write to.
Law 2: no pid is signalled that was not just seen to be what it is meant to be.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from hadelect.cli import toy
from hadelect.cli.failures import Exit, Failure

END_SECONDS = 8.0  # A stop by SIGTERM takes milliseconds; after this comes SIGKILL.
LONGEST_HOME = 50  # A Unix socket's path has 107 bytes at most.


@dataclass
class Member:
    """One member: its configuration, and the process of its `hadelect had`, once started."""

    name: str
    config: Path
    directory: Path
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """As a user would: `hadelect had --config FILE` (the file names the member)."""
        with (self.directory / "stderr").open("ab") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "hadelect.cli.main", "had", "--config", self.config],
                stdin=subprocess.DEVNULL,
                stdout=stderr,
                stderr=stderr,
                start_new_session=True,  # Ctrl-C is for the demo alone.
            )

    def is_up(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def supervisor(self) -> int:
        assert self.process is not None
        return self.process.pid

    def daemon(self) -> int | None:
        """The pid of the supervisor's daemon; None while it has none."""
        for pid in _children(self.supervisor):
            if b"hadelect.daemon" in _command_line(pid):
                return pid
        return None

    def cause(self, term: int) -> str:
        """What its history gives as the cause of its leadership of `term`; "" if nothing yet."""
        with suppress(OSError):
            for line in (self.directory / "history").read_text().splitlines():
                with suppress(ValueError):
                    told = json.loads(line)
                    if told.get("term") == term and told.get("role") == "LEADER":
                        return str(told.get("cause") or "")
        return ""


class Stage:
    """Members on loopback, each with a state directory of its own, and one journal for all."""

    def __init__(self, count: int, arbitration: str, settings: tuple[str, ...]) -> None:
        self.fenced = _namespaces_allowed()
        home = tempfile.gettempdir()
        if len(home) > LONGEST_HOME:
            home = "/tmp"  # noqa: S108 - mkdtemp makes a directory of our own in it.
        self.directory = Path(tempfile.mkdtemp(prefix="hadelect-demo-", dir=home))
        self.journal = self.directory / "journal"
        self.journal.touch()
        names = [f"127.0.0.1:{port}" for port in free_ports(count)]
        (self.directory / "pool.conf").write_text(
            "".join(f"{line}\n" for line in self._pool(names, arbitration, settings))
        )
        self.members = tuple(self._member(name, n) for n, name in enumerate(names, start=1))
        self.keep = False  # The directory, for whoever wants to know why.

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()
        if not self.keep:
            shutil.rmtree(self.directory, ignore_errors=True)

    def member(self, name: str) -> Member:
        return next(member for member in self.members if member.name == name)

    def start(self) -> None:
        for member in self.members:
            member.start()

    def require_all_up(self) -> None:
        """Raises Failure with what a member said before it ended."""
        for member in self.members:
            if not member.is_up():
                assert member.process is not None
                told = (member.directory / "stderr").read_text(errors="replace").splitlines()
                last = told[-1] if told else "it said nothing"
                self.keep = True
                raise Failure(
                    f"{member.name} ended with {member.process.returncode}: {last}"
                    f" (all of it: {self.directory})",
                    Exit.REFUSED,
                )

    def end(self) -> None:
        """All processes, gently first."""
        up = [member for member in self.members if member.is_up()]
        daemons = [pid for member in up if (pid := member.daemon()) is not None]
        for pid in daemons + [member.supervisor for member in up]:
            _signal(pid, signal.SIGCONT)  # What is stopped cannot stop.
        for member in up:
            _signal(member.supervisor, signal.SIGTERM)
        deadline = time.monotonic() + END_SECONDS
        for member in up:
            assert member.process is not None
            try:
                member.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self.keep = True
                _signal(member.supervisor, signal.SIGKILL)
                member.process.wait()
        for pid in self._leftovers():
            _signal(pid, signal.SIGKILL)

    def _leftovers(self) -> Iterator[int]:
        """Daemons and schedulers of ours that outlived their supervisors."""
        marks = [os.fsencode(member.config) for member in self.members]
        for pid in _all_pids():
            words = _command_line(pid).split(b"\0")
            ours = b"hadelect.daemon" in words and any(mark in words for mark in marks)
            if ours or (os.fsencode(self.journal) in words and os.fsencode(toy.__file__) in words):
                yield pid

    def _pool(self, names: list[str], arbitration: str, settings: tuple[str, ...]) -> list[str]:
        scheduler = " ".join(_quoted(word) for word in ("-I", "-S", toy.__file__, self.journal))
        return [
            "# Made by `hadelect demo`; what all members share.",
            f"HAD_LIST = {', '.join(names)}",
            f"HAD_ARBITRATION = {arbitration}",
            "HAD_PRESET = fast",
            "HAD_HTTP_ADDRESS = off",
            f"HAD_ALLOW_UNFENCED = {not self.fenced}",
            f"NEGOTIATOR = {sys.executable}",
            f'NEGOTIATOR_ARGS = "{scheduler}"',
            *(setting.replace("=", " = ", 1) for setting in settings),
        ]

    def _member(self, name: str, number: int) -> Member:
        directory = self.directory / f"cm{number}"
        directory.mkdir()
        config = self.directory / f"cm{number}.conf"
        config.write_text(
            f"include : {self.directory / 'pool.conf'}\n"
            f"HAD_MEMBER = {name}\n"
            f"HAD_STATE_DIR = {directory}\n"
            f"HAD_LOG = {directory / 'log'}\n"
        )
        return Member(name, config, directory)


def _quoted(word: str | Path) -> str:
    """One word of HTCondor's new argument syntax."""
    return "'" + str(word).replace("'", "''").replace('"', '""') + "'"


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that are free for TCP and UDP both, all different."""
    ports: list[int] = []
    with ExitStack() as held:
        while len(ports) < count:
            stream = held.enter_context(socket.socket())
            stream.bind(("127.0.0.1", 0))
            port = stream.getsockname()[1]
            datagram = held.enter_context(socket.socket(type=socket.SOCK_DGRAM))
            with suppress(OSError):
                datagram.bind(("127.0.0.1", port))
                ports.append(port)
    return ports


def _namespaces_allowed() -> bool:
    """Whether this user may make PID namespaces, the best fence."""
    try:
        done = subprocess.run(
            ["unshare", "--pid", "--mount", "--fork", "true"], capture_output=True, check=False
        )
    except OSError:
        return False
    return done.returncode == 0


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _all_pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _children(parent: int) -> list[int]:
    try:
        told = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    except OSError:
        return []
    return [int(pid) for pid in told.split()]


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
