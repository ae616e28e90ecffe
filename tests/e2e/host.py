"""One host of the lab: a namespace, a directory and at most one HAD, known by its processes.

Law: what a story kills, stops or asks is found in /proc at that moment; nothing is remembered.
"""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, assert_never

from tests.e2e import lan
from tests.e2e.lan import Lan

ROOT = Path(__file__).parents[2]
PORT = 51450  # HTCondor's customary HAD port.
HTTP_PORT = 9460
CONSOLE_SCRIPT = "from hadelect.cli.main import main; main()"


class Part(Enum):
    """What of a member can fail by itself."""

    DAEMON = "daemon"
    SUPERVISOR = "supervisor"
    INIT = "init"
    CONTROLLEE = "controllee"


class Host:
    def __init__(self, net: Lan, number: int, home: Path, port: int = PORT) -> None:
        self.net, self.number, self.home, self.port = net, number, home, port
        self.address = net.address(number)
        self.name = f"{self.address}:{port}"
        self.namespace = net.namespace(number)
        self.config = home / "hadelect.conf"
        self.log = home / "had.log"
        self.had: subprocess.Popen[bytes] | None = None
        self.replication: subprocess.Popen[bytes] | None = None
        self.stderr: int | None = None  # None: the log, as systemd's journal.
        self.environment: dict[str, str] = {}  # Besides what every service starts with.
        self._services: list[subprocess.Popen[bytes]] = []
        home.mkdir(parents=True)

    def __repr__(self) -> str:
        return self.name

    # --- life ----------------------------------------------------------------------------------

    def configure(self, settings: Mapping[str, object]) -> None:
        """Write the configuration file: one `NAME = value` a line."""
        self.config.write_text("".join(f"{name} = {value}\n" for name, value in settings.items()))

    def start(self, *arguments: str) -> None:
        """`hadelect had`, as an administrator's systemd would."""
        assert self.had is None or self.had.poll() is not None, f"{self} runs already"
        self.had = self.service(*self._hadelect("had", "-p", str(self.port), *arguments))

    def start_replication(self) -> None:
        """`hadelect replication`, beside it; its words go to the same log."""
        assert self.replication is None or self.replication.poll() is not None
        self.replication = self.service(*self._hadelect("replication"))

    def service(self, *command: str) -> subprocess.Popen[bytes]:
        """Start what systemd would; it writes to the host's log and lives until power_off."""
        with self.log.open("ab") as log:
            service = subprocess.Popen(
                [*self.inside(), *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log if self.stderr is None else self.stderr,
                env=environment(**self.environment),
                start_new_session=True,
            )
        self._services.append(service)
        return service

    def end(self, within: float = 15.0) -> int:
        """SIGTERM, and the exit code."""
        assert self.had is not None
        self.had.terminate()
        return self.had.wait(within)

    def power_off(self) -> None:
        """Every process of the host ends at the same moment, by SIGKILL."""
        for pid in lan.inhabitants(self.namespace):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        lan.evict(self.namespace)
        # Just started, these may not have stepped into the namespace yet. Not before the others:
        # a stopped process group that loses its leader is continued by the kernel.
        for service in self._services:
            service.kill()
        self.reap()

    def reap(self) -> None:
        """Take note that what was started here has ended."""
        for service in self._services:
            service.wait(5)
        self._services.clear()

    @contextlib.contextmanager
    def suspended(self) -> Iterator[None]:
        """No process of the host runs, as in a machine that sleeps; but its clock goes on."""
        stopped = list(lan.inhabitants(self.namespace))
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in stopped:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    @property
    def up(self) -> bool:
        return self.had is not None and self.had.poll() is None

    # --- processes -----------------------------------------------------------------------------

    def pid(self, part: Part) -> int:
        """Host pid of one part of this member. Fails when there is none, or more than one."""
        found = self._find(part)
        assert len(found) == 1, f"{self}: {part.value}: {found or 'none'}\n{self.processes()}"
        return found[0]

    def _find(self, part: Part) -> list[int]:
        match part:
            case Part.SUPERVISOR:
                return [self.had.pid] if self.had is not None and self.up else []
            case Part.DAEMON:
                return [p for p in self._children() if b"hadelect.daemon" in _cmdline(p)]
            case Part.INIT:
                return [p for p in self._children() if _inner_pid(p) == 1]
            case Part.CONTROLLEE:
                return self.controllees()
        assert_never(part)

    def daemons(self) -> list[int]:
        """Its daemon; there may be none at this moment."""
        return self._find(Part.DAEMON)

    def controllees(self) -> list[int]:
        """Host pids of all stand-in schedulers that live here, whoever their parent is."""
        return [
            pid
            for pid in lan.inhabitants(self.namespace)
            if not lan.zombie(pid) and b"scheduler.py" in _cmdline(pid)
        ]

    def kill(self, *parts: Part) -> None:
        """SIGKILL parts of this member, found first, then hit one right after the other."""
        self.signal(signal.SIGKILL, *parts)

    def signal(self, number: signal.Signals, *parts: Part) -> None:
        for pid in [self.pid(part) for part in parts]:
            os.kill(pid, number)

    def _children(self) -> list[int]:
        supervisor = self.pid(Part.SUPERVISOR)
        return [pid for pid in lan.inhabitants(self.namespace) if _parent(pid) == supervisor]

    def processes(self) -> str:
        """The host's processes, for the one who reads a failure."""
        lines = (
            f"  {pid} (parent {_parent(pid)}) {_cmdline(pid).replace(bytes(1), b' ').decode()}"
            for pid in lan.inhabitants(self.namespace)
        )
        return "\n".join(lines)

    # --- asking --------------------------------------------------------------------------------

    def command(self, *arguments: str) -> list[str]:
        """`hadelect ARGUMENTS` inside the namespace, with this host's configuration."""
        return [*self.inside(), *self._hadelect(*arguments)]

    def _hadelect(self, *arguments: str) -> list[str]:
        python = (sys.executable, "-P", "-c", CONSOLE_SCRIPT)
        return [*python, *arguments, "--config", str(self.config)]

    def inside(self) -> list[str]:
        return ["nsenter", f"--net={lan.NETNS / self.namespace}"]

    def cli(self, *arguments: str, within: float = 20.0) -> subprocess.CompletedProcess[str]:
        """Run a command line as an administrator on this host would."""
        return subprocess.run(
            self.command(*arguments),
            capture_output=True,
            text=True,
            timeout=within,
            env=environment(),
            check=False,
        )

    def get(self, path: str) -> tuple[int, str]:
        """GET from this host's HTTP port: status and body. Raises OSError."""
        with socket_to(self, "127.0.0.1", HTTP_PORT) as link:
            connection = http.client.HTTPConnection("127.0.0.1", HTTP_PORT, timeout=2)
            connection.sock = link
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def status(self) -> dict[str, Any] | None:
        """What this member says of the pool; None while it does not answer."""
        try:
            code, body = self.get("/status.json")
        except (OSError, http.client.HTTPException):
            return None
        answer: dict[str, Any] | None = json.loads(body) if code == 200 else None
        return answer

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that carry these labels; 0 when there are none."""
        _, body = self.get("/metrics")
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        return sum(
            float(line.rsplit(" ", 1)[1])
            for line in body.splitlines()
            if line.split("{")[0].split(" ")[0] == name and all(w in line for w in wanted)
        )

    def tail(self, lines: int = 40) -> str:
        if not self.log.exists():
            return "  (no log)"
        text = self.log.read_text(errors="replace").splitlines()[-lines:]
        return "\n".join(f"  {line}" for line in text)


def environment(**more: str) -> dict[str, str]:
    """What a service starts with, and where this checkout lies."""
    return {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "PYTHONPATH": str(ROOT), **more}


def socket_to(host: Host, address: str, port: int) -> socket.socket:
    """A TCP connection made from within the host. Raises OSError."""
    link = lan.socket_in(host.namespace, socket.SOCK_STREAM)
    link.settimeout(2)
    try:
        link.connect((address, port))
    except OSError:
        link.close()
        raise
    return link


def ended(pid: int, within: float = 5.0) -> None:
    """Wait until a process is gone."""
    deadline = time.monotonic() + within
    while not lan.zombie(pid):
        assert time.monotonic() < deadline, f"{pid} lives on"
        time.sleep(0.002)


def _cmdline(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _parent(pid: int) -> int:
    return int((_status(pid, "PPid") or ["0"])[0])


def _inner_pid(pid: int) -> int:
    """Its pid in the innermost PID namespace; 0 when it lives in the outermost only."""
    pids = _status(pid, "NSpid")
    return int(pids[-1]) if len(pids) > 1 else 0


def _status(pid: int, field: str) -> list[str]:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return line.split()[1:]
    return []
