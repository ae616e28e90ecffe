"""What a member costs while nothing happens, and how soon a started one takes part."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from tests.bench.bench_failover import running
from tests.bench.table import INFINITY, Row, row
from tests.e2e import lan
from tests.e2e.host import Host
from tests.e2e.lab import Pool, until

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """Of all processes of one member but its scheduler."""

    cpu_seconds: float
    pss_mb: float
    alone_mb: float  # What its PSS would be if no other member shared its pages (at most).
    packets: int  # In and out.


def usage(host: Host) -> Usage:
    schedulers = set(host.controllees())
    pids = [pid for pid in lan.inhabitants(host.namespace) if pid not in schedulers]
    return Usage(
        cpu_seconds=sum(map(_cpu, pids)),
        pss_mb=sum(_memory(pid, "Pss") for pid in pids),
        alone_mb=_alone(pids),
        packets=_packets(pids[0]),
    )


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _memory(pid: int, *fields: str) -> float:
    """Fields of smaps_rollup, added up, in MB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    values = {
        name: rest.split()[0] for name, _, rest in (line.partition(":") for line in lines[1:])
    }
    return sum(int(values[field]) for field in fields) / 1024


def _alone(pids: list[int]) -> float:
    """All of the largest process (the daemon), and what the others share with nobody."""
    *rest, largest = sorted(pids, key=lambda pid: _memory(pid, "Rss"))
    own = sum(_memory(pid, "Private_Clean", "Private_Dirty") for pid in rest)
    return _memory(largest, "Rss") + own


def _packets(pid: int) -> int:
    for line in Path(f"/proc/{pid}/net/dev").read_text().splitlines():
        name, _, counts = line.partition(":")
        if name.strip() == "eth0":
            received, sent = counts.split()[1], counts.split()[9]
            return int(received) + int(sent)
    return 0


def idle(seconds: float) -> list[Row]:
    """CPU, memory and packets of every member over `seconds` of peace."""
    rows: list[Row] = []
    with running(Pool("majority", preset="")) as lab:
        leader = lab.settled()
        time.sleep(5)
        before = {host.name: usage(host) for host in lab.hosts}
        time.sleep(seconds)
        after = {host.name: usage(host) for host in lab.hosts}
    for role, hosts in (("leader", [leader]), ("standby", lab.peers(leader))):
        pairs = [(before[host.name], after[host.name]) for host in hosts]
        cpu = [100 * (b.cpu_seconds - a.cpu_seconds) / seconds for a, b in pairs]
        rows += [
            row(f"idle {role}: CPU of one core", "%", cpu, (0.8, INFINITY)),
            row(f"idle {role}: PSS", "MB", [b.pss_mb for _, b in pairs], (50, INFINITY)),
            row("  if no page were shared", "MB", [b.alone_mb for _, b in pairs], (50, INFINITY)),
            row(
                f"idle {role}: packets in and out",
                "1/s",
                [(b.packets - a.packets) / seconds for a, b in pairs],
                None,
            ),
        ]
    return rows


def start(trials: int) -> list[Row]:
    """From the start of a standby to /ready saying 200."""
    took: list[float] = []
    with running(Pool("majority", preset="")) as lab:
        leader = lab.settled()
        standby = lab.peers(leader)[0]
        for _ in range(trials):
            standby.end()
            began = time.monotonic()
            standby.start()
            until(lambda: _ready(standby), 30, lambda: "never ready")
            took.append((time.monotonic() - began) * 1000)
            lab.settled(within=60)
    return [row("start -> /ready", "ms", took, (400, INFINITY))]


def _ready(host: Host) -> bool:
    try:
        return host.get("/ready")[0] == 200
    except OSError:
        return False
