"""How cost grows with the number of members: CPU, packets and failover at 3, 5, 7, 9 of them."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.bench_idle import peace
from tests.bench.blows import Blow
from tests.bench.contest import trial
from tests.bench.quiet import Quiet
from tests.bench.system_hadelect import Hadelect, shipped
from tests.bench.table import Goal, Row, row

SIZES = (3, 5, 7, 9)


@dataclass(frozen=True, slots=True)
class Size:
    """What a pool of so many members cost; one value per member or trial."""

    members: int
    leader_cpu: tuple[float, ...]  # Per cent of one core.
    standby_cpu: tuple[float, ...]
    leader_packets: tuple[float, ...]  # Per second, in and out.
    standby_packets: tuple[float, ...]
    failover: tuple[float, ...]  # Leader's daemon killed -> new exec, ms.
    overlap: tuple[float, ...]


def measure(seconds: float, trials: int, sizes: tuple[int, ...] = SIZES) -> list[Size]:
    return [_size(members, seconds, trials) for members in sizes]


def rows(sizes: list[Size]) -> list[Row]:
    found: list[Row] = []
    for size in sizes:
        found += [
            row(f"{size.members} members: CPU of the leader", "%", size.leader_cpu),
            row("  CPU of a standby", "%", size.standby_cpu),
            row("  packets of the leader", "1/s", size.leader_packets),
            row("  packets of a standby", "1/s", size.standby_packets),
            row("  daemon killed -> new exec", "ms", size.failover, floored=True),
            row("  two at once", "ms", size.overlap, Goal(median=0, p99=0)),
        ]
    return found


def _size(members: int, seconds: float, trials: int) -> Size:
    with TemporaryDirectory(prefix="hadelect-bench-") as home:
        pool = shipped("majority", hosts=members)
        system = Hadelect(f"{members} members", Path(home) / "lab", pool)
        try:
            system.settle()
            leader = system.lab.settled()
            costs = dict(zip(system.lab.hosts, peace(system.lab.hosts, seconds), strict=True))
            led = costs.pop(leader)
            quiet = Quiet(Path(home))
            found = [trial(system, Blow.DAEMON, quiet) for _ in range(trials)]
        finally:
            system.close()
    return Size(
        members,
        leader_cpu=(led.cpu,),
        standby_cpu=tuple(cost.cpu for cost in costs.values()),
        leader_packets=(led.packets,),
        standby_packets=tuple(cost.packets for cost in costs.values()),
        failover=tuple(one.failover for one in found),
        overlap=tuple(one.overlap for one in found),
    )
