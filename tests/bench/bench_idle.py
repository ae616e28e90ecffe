"""What a member costs while nothing happens, and how soon a started one takes part."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.system_hadelect import running, shipped
from tests.bench.table import Goal, Row, row
from tests.e2e import lan
from tests.e2e.host import Host
from tests.e2e.lab import until

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """Of all processes of one member but its scheduler."""

    cpu_seconds: float
    pss_mb: float
    rss_mb: float
    alone_mb: float  # What its PSS would be if no other member shared its pages (at most).
    packets: int  # In and out.


def usage(host: Host) -> Usage:
    schedulers = set(host.controllees())
    pids = [pid for pid in lan.inhabitants(host.namespace) if pid not in schedulers]
    return Usage(
        cpu_seconds=sum(map(_cpu, pids)),
        pss_mb=sum(_memory(pid, "Pss") for pid in pids),
        rss_mb=sum(_memory(pid, "Rss") for pid in pids),
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


@dataclass(frozen=True, slots=True)
class Peace:
    """What one member cost over some seconds in which nothing happened."""

    cpu: float  # Per cent of one core.
    packets: float  # Per second, in and out.
    after: Usage


def peace(hosts: Sequence[Host], seconds: float) -> list[Peace]:
    """Of every host, over the same seconds."""
    before = [usage(host) for host in hosts]
    time.sleep(seconds)
    return [
        Peace(
            cpu=100 * (now.cpu_seconds - then.cpu_seconds) / seconds,
            packets=(now.packets - then.packets) / seconds,
            after=now,
        )
        for then, now in zip(before, map(usage, hosts), strict=True)
    ]


def idle(mode: str, seconds: float) -> list[Row]:
    """CPU, memory and packets of every member over `seconds` of peace."""
    rows: list[Row] = []
    with running(shipped(mode)) as lab:
        leader = lab.settled()
        time.sleep(5)
        found = dict(zip(lab.hosts, peace(lab.hosts, seconds), strict=True))
    for role, hosts in ((f"leader, {mode}", [leader]), (f"standby, {mode}", lab.peers(leader))):
        costs = [found[host] for host in hosts]
        rows += [
            row(f"idle {role}: CPU of one core", "%", [c.cpu for c in costs], Goal(median=0.8)),
            row(f"idle {role}: PSS", "MB", [c.after.pss_mb for c in costs], Goal(median=50)),
            row(
                "  if no page were shared",
                "MB",
                [c.after.alone_mb for c in costs],
                Goal(median=50),
            ),
            row("  RSS of its processes, added up", "MB", [c.after.rss_mb for c in costs]),
            row(f"idle {role}: packets in and out", "1/s", [c.packets for c in costs]),
        ]
    return rows


def start(trials: int) -> list[Row]:
    """From the start of a standby to /ready saying 200."""
    took: list[float] = []
    with running(shipped("majority")) as lab:
        leader = lab.settled()
        standby = lab.peers(leader)[0]
        for _ in range(trials):
            standby.end()
            began = time.monotonic()
            standby.start()
            until(lambda: _ready(standby), 30, lambda: "never ready")
            took.append((time.monotonic() - began) * 1000)
            lab.settled(within=60)
    return [row("start -> /ready", "ms", took, Goal(median=400))]


def _ready(host: Host) -> bool:
    try:
        return host.get("/ready")[0] == 200
    except OSError:
        return False
