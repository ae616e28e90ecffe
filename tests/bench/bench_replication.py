"""State that is copied to a standby by `hadelect replication`, beside rsync and cp, in one run.

Law 1: real daemons in a lab's network; what is waited for is the live file of the standby, as its
       scheduler would find it: by then all of it is verified and on the disk. So rsync
       and cp are followed by a sync.
Law 2: nothing is asked of the daemons meanwhile; their memory and traffic is read afterwards.
"""

import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.alives import Listener, lateness
from tests.bench.system import SETTLING
from tests.bench.system_hadelect import AS_SHIPPED
from tests.bench.table import Goal, Row, row
from tests.e2e.host import Host, environment
from tests.e2e.lab import Lab, Pool, until
from tests.e2e.replicas import PORT, replicating

RSYNC_PORT = 41873
MIB = 1 << 20
SETTLE_MS = 50.0  # REPLICATION_SETTLE as shipped: what is promised counts from its end.
HEARTBEAT_MS = 500.0
PATIENCE = 300.0
MEMORY = Goal(median=120, p99=120)


@dataclass(frozen=True, slots=True)
class Amount:
    size: int = 1024  # MiB of the large file.
    appends: int = 10
    files: int = 100_000


@dataclass(slots=True)
class Found:
    size: int  # MiB of the large file.
    first: float = 0.0  # s
    appended: list[float] = field(default_factory=list)  # ms
    sent: list[float] = field(default_factory=list)  # MiB
    many: float = 0.0  # s
    late: list[float] = field(default_factory=list)  # ms
    memory: list[float] = field(default_factory=list)  # MB
    by_rsync: list[float] = field(default_factory=list)  # s: first copy, append, small files
    by_cp: list[float] = field(default_factory=list)  # s: first copy, small files


def measure(amount: Amount) -> list[Row]:
    found = Found(amount.size)
    with TemporaryDirectory(prefix="hadelect-bench-") as home:
        lab = Lab(Path(home) / "lab", Pool("majority", witnesses=1, preset="", more=AS_SHIPPED))
        try:
            _replicate(lab, amount, found)
        finally:
            lab.close()
    return _rows(amount, found)


def _rows(amount: Amount, found: Found) -> list[Row]:
    share = 100 * found.by_rsync[0] / found.first
    large, small = f"replication: {amount.size} MiB", f"replication: {amount.files} small files"
    first, append, many = found.by_rsync
    return [
        row(f"{large}, first copy -> live there", "s", [found.first]),
        row("  share of rsync's speed", "%", [share], Goal(least=60)),
        row("  rsync and sync", "s", [first]),
        row("  cp and sync, on one disk", "s", [found.by_cp[0]]),
        row(f"{large}, 1 MiB appended -> live there", "ms", found.appended, Goal(median=300)),
        row("  sent", "MiB", found.sent, Goal(median=1.1)),
        row("  rsync and sync", "ms", [append * 1e3]),
        row(f"{small} -> live there", "s", [found.many]),
        row("  rsync and sync", "s", [many]),
        row("  cp and sync, on one disk", "s", [found.by_cp[1]]),
        row("replication: Alives late meanwhile", "ms", found.late, Goal(p99=50)),
        row("replication: RSS of the two daemons at its peak", "MB", found.memory, MEMORY),
    ]


def _replicate(lab: Lab, amount: Amount, found: Found) -> None:
    leader, standby, witness = lab.hosts
    for host in lab.hosts:
        (host.home / "spool").mkdir()
        host.configure({**lab.settings(host), **replicating(lab.hosts[:2], _state(host))})
    _large(_state(leader) / "large", amount.size)
    os.sync()
    leader.start_replication()
    lab.start(leader, witness)
    lab.settled(leader, witness, within=SETTLING)
    until(lambda: _version(leader), PATIENCE, leader.tail)
    _warm(lab.journal.path.parent / "warm", amount.size)
    with Listener(leader.namespace, leader.address, deaf_to_port=PORT) as listener:
        standby.start_replication()
        lab.start(standby)
        found.first = _seconds(standby, Path("large"), amount.size * MIB)
        lab.settled(within=SETTLING)
        for _ in range(amount.appends):
            _append(leader, standby, found)
        _many(leader, standby, amount, found)
    found.late += lateness(listener.heard, HEARTBEAT_MS)
    found.memory += [_peak(host) for host in (leader, standby)]
    with _rsync_daemon(leader):
        _compare(leader, standby, found)


def _state(host: Host) -> Path:
    return host.home / "spool" / "state"


def _version(host: Host) -> str:
    """Of its copy, as its HAD says."""
    view = host.status()
    rows = view["members"] if view else []
    said = [found["replica"] for found in rows if found["member"] == host.name]
    return str(said[0]["version"] or "") if said and said[0] else ""


# --- what is copied -------------------------------------------------------------------------------


def _large(path: Path, size: int) -> None:
    path.parent.mkdir()
    with path.open("wb") as file:
        for _ in range(size):
            file.write(os.urandom(MIB))


def _warm(path: Path, size: int) -> None:
    """A guest's memory is the host's until it is touched: that would cost more than a copy."""
    with path.open("wb") as file:
        for _ in range(2 * size):
            file.write(bytes(MIB))
    path.unlink()


def _seconds(standby: Host, name: Path, size: int) -> float:
    """From the first byte that came there to the file that is live."""
    shadow, live = standby.home / "spool" / ".state.hadelect" / name, _state(standby) / name
    until(lambda: shadow.exists() or live.exists(), PATIENCE, standby.tail)
    began = time.monotonic()
    _await(live, size)
    return time.monotonic() - began


def _await(live: Path, size: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while not live.exists() or live.stat().st_size != size:
        assert time.monotonic() < deadline, f"{live} is not what it should be"
        time.sleep(0.001)


def _append(leader: Host, standby: Host, found: Found) -> None:
    time.sleep(2.0)  # What the last one cost is paid for, and the standby's copies are alike.
    path = _state(leader) / "large"
    before = standby.metric("hadelect_replica_bytes_total", direction="in")
    with path.open("ab") as file:
        file.write(os.urandom(MIB))
    written = time.monotonic()
    _await(_state(standby) / "large", path.stat().st_size)
    found.appended.append((time.monotonic() - written) * 1e3 - SETTLE_MS)
    time.sleep(1.5)  # Its HAD hears every second what its daemon counted.
    after = standby.metric("hadelect_replica_bytes_total", direction="in")
    found.sent.append((after - before) / MIB)


def _many(leader: Host, standby: Host, amount: Amount, found: Found) -> None:
    """All of them appear at once."""
    made = leader.home / "spool" / "made"
    for number in range(amount.files):
        if number % 1000 == 0:
            (made / str(number // 1000)).mkdir(parents=True)
        (made / str(number // 1000) / str(number)).write_bytes(b"job %d\n" % number)
    os.sync()
    made.rename(_state(leader) / "small")
    began = time.monotonic()
    last = amount.files - 1
    _await(_state(standby) / "small" / str(last // 1000) / str(last), len(f"job {last}\n"))
    found.many = time.monotonic() - began


def _peak(host: Host) -> float:
    """Of its replication daemon, in MB."""
    assert host.replication is not None
    said = Path(f"/proc/{host.replication.pid}/status").read_text()
    peak = re.search(r"VmHWM:\s+(\d+)", said)
    assert peak is not None
    return int(peak[1]) / 1000


# --- beside it ------------------------------------------------------------------------------------


@contextmanager
def _rsync_daemon(host: Host) -> Iterator[None]:
    settings = host.home / "rsyncd.conf"
    settings.write_text(
        f"use chroot = no\nuid = 0\ngid = 0\n[spool]\npath = {host.home / 'spool'}\n"
    )
    words = ("rsync", "--daemon", "--no-detach", f"--port={RSYNC_PORT}", f"--config={settings}")
    with subprocess.Popen([*host.inside(), *words], env=environment()) as daemon:
        try:
            yield
        finally:
            daemon.terminate()


def _compare(leader: Host, standby: Host, found: Found) -> None:
    copy = standby.home / "copy"
    copy.mkdir()

    def rsync(name: str) -> None:
        source = f"rsync://{leader.address}:{RSYNC_PORT}/spool/state/{name}"
        words = ("rsync", "-a", "--contimeout=5", source, str(copy))
        subprocess.run([*standby.inside(), *words], env=environment(), check=True)
        os.sync()

    def cp(name: str) -> None:
        words = ("cp", "-a", str(_state(leader) / name), str(copy / f"{name}.cp"))
        subprocess.run(words, check=True)
        os.sync()

    until(lambda: not _refused(leader), 5.0, lambda: "no rsync daemon")
    os.sync()
    _warm(copy / "warm", found.size)
    found.by_rsync.append(_timed(lambda: rsync("large")))
    found.by_cp.append(_timed(lambda: cp("large")))
    with (_state(leader) / "large").open("ab") as file:
        file.write(os.urandom(MIB))
    found.by_rsync.append(_timed(lambda: rsync("large")))
    found.by_rsync.append(_timed(lambda: rsync("small")))
    found.by_cp.append(_timed(lambda: cp("small")))


def _refused(host: Host) -> bool:
    words = ("rsync", f"rsync://{host.address}:{RSYNC_PORT}/")
    return subprocess.run([*host.inside(), *words], capture_output=True, check=False).returncode > 0


def _timed(work: Callable[[], None]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began
