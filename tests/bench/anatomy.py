"""Where the milliseconds of a failover go, stage by stage.

python -m tests.bench.anatomy [--blow daemon|supervisor|SIGTERM] [--mode none|majority] [--trials N]
                              [--against WORKTREE]

Law 1: begin and end of processes are the kernel's instants; what lies between are stamps that the
       members' processes write themselves (see stamps/sitecustomize.py).
Law 2: two versions are compared in pairs: one trial of each, in turns, on the same machine in the
       same minutes. Without stamps (--bare), so that neither pays for being watched.
"""

import argparse
import os
import signal
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.proc_events import ProcEvents
from tests.bench.system import DICE, SETTLING
from tests.bench.system_hadelect import running, shipped
from tests.bench.table import percentile
from tests.e2e import host as hosts
from tests.e2e.host import Host, Part
from tests.e2e.lab import Lab

STAMPS = Path(__file__).with_name("stamps")
# What gets which signal.
BLOWS = {
    "daemon": (Part.DAEMON, signal.SIGKILL),
    "supervisor": (Part.SUPERVISOR, signal.SIGKILL),
    "SIGTERM": (Part.SUPERVISOR, signal.SIGTERM),
}
OLD, HEIR = "old", "heir"
# stage, whose stamp
STAGES = (
    ("end of the daemon seen", OLD),
    ("kill", OLD),
    ("tree verified", OLD),
    ("notice", OLD),
    ("supervisor stops", OLD),
    ("init stops", OLD),
    ("datagram", HEIR),
    ("persist", HEIR),
    ("write", HEIR),
    ("written", HEIR),
    ("durable", HEIR),
    ("start", HEIR),
    ("supervisor starts", HEIR),
    ("init starts", HEIR),
)


@dataclass(slots=True)
class Side:
    """One version: its lab and what its trials gave, in ms since the blow."""

    lab: Lab
    root: Path
    whole: list[float] = field(default_factory=list)
    gap: list[float] = field(default_factory=list)
    stages: dict[str, list[float]] = field(default_factory=dict)


def stamps(host: Host) -> list[tuple[int, str]]:
    path = host.config.with_name("stamps")
    if not path.exists():
        return []
    lines = (line.partition(" ") for line in path.read_text().splitlines())
    return [(int(instant), stage) for instant, _, stage in lines]


def trial(side: Side, events: ProcEvents, blow: str) -> None:
    lab = side.lab
    hosts.ROOT = side.root
    old = lab.settled(within=SETTLING)
    lab.journal.forget()
    for host in lab.hosts:
        host.config.with_name("stamps").unlink(missing_ok=True)
    part, number = BLOWS[blow]
    struck_pid = old.pid(part)
    time.sleep(DICE.uniform(0.3, 1.3))
    before = lab.ran()
    pid = old.pid(Part.CONTROLLEE)
    struck = time.monotonic_ns()
    os.kill(struck_pid, number)
    heir = lab.host(lab.moved(before, within=SETTLING).member)
    began, ended = events.began(heir.pid(Part.CONTROLLEE)), events.ended(pid)
    side.whole.append((began - struck) / 1e6)
    side.gap.append((began - ended) / 1e6)
    found = {
        (stage, who): (instant - struck) / 1e6
        for who, host in ((HEIR, heir), (OLD, old))
        for instant, stage in reversed(stamps(host))
        if struck <= instant <= began
    }
    for stage, who in STAGES:
        if (stage, who) in found:
            side.stages.setdefault(f"{stage} ({who})", []).append(found[stage, who])
    side.stages.setdefault("(the old controllee's end)", []).append((ended - struck) / 1e6)
    if part is Part.SUPERVISOR:
        assert old.had is not None
        old.had.wait(15)
        old.start()


def told(side: Side) -> str:
    lines = [f"{'stage':34} {'at':>7} {'p90':>7} {'n':>4}  ms since the blow"]
    ordered = sorted(side.stages.items(), key=lambda entry: statistics.median(entry[1]))
    for stage, at in [*ordered, ("exec of the new controllee", side.whole)]:
        lines.append(
            f"{stage:34} {statistics.median(at):7.2f} {percentile(at, 0.9):7.2f} {len(at):4}"
        )
    return "\n".join(lines)


def summary(side: Side) -> str:
    def numbers(name: str, values: Sequence[float]) -> str:
        median, tail = statistics.median(values), percentile(values, 0.99)
        return f"{name} median {median:.2f} p99 {tail:.2f} min {min(values):.2f}"

    root = side.root.name
    return f"{root:10} n={len(side.whole)}: {numbers('whole', side.whole)}; " + numbers(
        "gap", side.gap
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.anatomy", description=__doc__)
    parser.add_argument("--blow", choices=sorted(BLOWS), default="daemon")
    parser.add_argument("--mode", choices=("none", "majority"), default="majority")
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--against", type=Path)
    parser.add_argument("--bare", action="store_true")
    asked = parser.parse_args()
    ours = hosts.ROOT
    if not asked.bare:
        stamping(hosts.environment)
    with ExitStack() as stack:
        events = stack.enter_context(ProcEvents())
        sides = []
        for root in [r for r in (asked.against, ours) if r]:
            hosts.ROOT = root
            lab = stack.enter_context(running(shipped(asked.mode)))
            sides.append(Side(lab, root))
        for _ in range(asked.trials):
            for side in sides:
                trial(side, events, asked.blow)
    for side in sides:
        print(summary(side))
        if not asked.bare:
            print(told(side))
    return 0


def stamping(environment: object) -> None:
    """Every member that is started from here on stamps."""
    plain = hosts.environment

    def with_stamps(**more: str) -> dict[str, str]:
        return plain(PYTHONPATH=f"{STAMPS}:{hosts.ROOT}", **more)

    hosts.environment = with_stamps


if __name__ == "__main__":
    sys.exit(main())
