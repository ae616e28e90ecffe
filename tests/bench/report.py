"""docs/performance.md from a run of the bench: python -m tests.bench.report FILE [DIRECTORY]

Law: the page is written from the results alone; a number that misses its goal is said to, twice.
"""

import math
import statistics
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from tests.bench import bench_failover, picture, results
from tests.bench.blows import Blow, Trial
from tests.bench.contest import FLOOR
from tests.bench.results import Results
from tests.bench.table import HEAD, Row, cells, number, percentile, times, verdict

ROOT = Path(__file__).parents[2]
FAILOVERS, GROWTH = "performance-failover.svg", "performance-growth.svg"

OPENING = """# Performance

Generated from one run of the benches (`make performance`): every table and picture is of that
run. What hadelect is measured against: the goals of its design; the floor (what one killed
process, the end of its TCP connection and one `posix_spawn` take on the same machine in the same
minutes); and two things that an administrator could use instead: keepalived (VRRP) and a lock
file.
"""

METHOD = """## How it is measured

    make bench                       # the table, on a terminal
    make bench BENCH=--quick         # the same with few trials, in a few minutes
    make performance                 # a full run, and this page from it

- The goals are the design's. A killed daemon: 15 ms. A killed supervisor or init: "tens of
  milliseconds", read as at most 100. What is known by silence alone: lease + 1 % + 500 ms. A
  planned move: 15 ms besides the scheduler's own stop, which is none here. Two at once: never, but
  for a split network in mode `none`.
- Every host is a network namespace of its own on one bridge. hadelect's members, keepalived's
  nodes and the loops on the lock file run in labs of the same build, side by side in one run,
  blows by turns in a random order, at one pace, so that a busy minute of the machine hits all of
  them. A blow whose answer is a matter of milliseconds is struck while no lab restarts anything.
- The scheduler is the same stand-in everywhere. Its exec and exit are the kernel's own instants
  (netlink process events, CLOCK_MONOTONIC): neither the start-up of Python nor a poll of ours is
  in a time.
- *Two at once*: by these instants, and by what the schedulers wrote to one journal every 5 ms;
  whichever saw more.
- *whole node killed*: SIGKILL of every process of the host, the scheduler among them, in one
  instant. *link cut*: the host's cable is taken off the bridge; carrier stays up, nobody is
  told. *frozen*: SIGSTOP, until 1.3 s after the take-over at the latest. *daemon killed* is of
  keepalived both its processes, of a lock file the loop that holds the lock.
- hadelect runs as shipped: default timing (heartbeat 0.5 s, lease 3 s) unless *fast* is said
  (0.2 s, 1 s). Only HAD_RESTART_LIMIT and HAD_RESTART_WINDOW differ: the init is killed more
  often here than in a life.
- keepalived: VRRPv3, unicast, no preemption, an advertisement every 0.1 s or 1 s (its default);
  notify scripts start and stop the scheduler. Lock file: fcntl, tried every 0.1 s or 1 s, the
  scheduler a child of the holder; on a local disk, so that a cut link does not apply.
- One kernel: a real network adds its latency to each message of an exchange.
- The p99 of fewer than 100 trials is the worst of them.
"""


COLUMNS = """From the blow to the exec of the next scheduler, ms; of planned moves (SIGTERM,
handover) the time without a scheduler. The last columns say how many times the median of the
floor and of each peer under the same blow it is: 0.1 is ten times as fast."""

REPLICATION = "replication: "  # How the names of its rows begin.
COPIES = """From the leader's write to the live file of a standby, verified and on the disk; of an
append from the end of REPLICATION_SETTLE (50 ms) on. Between two hosts of a lab, `hadelect had`
beside each daemon; rsync from a daemon of its own, cp on the one disk, each followed by a sync."""

WORDS = """*goes on*: it had not ended when we thawed, mended or cleared away. *never*: nobody
took over while we watched (three seconds or more, hadelect 20 s). Of a cut link in mode `none`
two are what is promised: one on each side, for as long as the network is split."""


def page(found: Results) -> str:
    parts = (_machine, _missed, _failovers, _peers, _costs, _replication, _growth)
    body = "\n".join(line for part in parts for line in (*part(found), ""))
    return f"{OPENING}\n{body}\n{METHOD}"


def _machine(found: Results) -> Iterator[str]:
    here = found.machine
    before, after = (
        ", ".join(f"{average:.1f}" for average in load)
        for load in (found.load_before, found.load_after)
    )
    command = " ".join(("python -m tests.bench", *found.arguments))
    yield f"Measured on {here.cores} cores, {here.memory_gb:.0f} GB, Linux {here.kernel},"
    yield f"Python {here.python}, keepalived {here.keepalived or '(none)'}, in"
    yield f"{found.seconds / 60:.0f} minutes, by `{command}`."
    yield f"Load average (1, 5, 15 min) before the run: {before}; after it: {after};"
    yield "the run's own load included, and whatever else the machine did."


def _missed(found: Results) -> Iterator[str]:
    """First what is not as promised."""
    yield "## Not met"
    yield ""
    missed = [r for r in _full(found.rows) if r.met is False]
    if not missed and not found.failed:
        yield "Every goal was met."
    for r in missed:
        middle, tail = statistics.median(r.values), percentile(r.values, 0.99)
        said = f"median {number(middle)}, p99 {number(tail)} {r.unit}".strip()
        yield f"- MISSED: {r.what}: {said}; goal: {r.goal.words}"
    for line in found.failed:
        yield f"- FAILED, not counted: {line}"


def _full(rows: Sequence[Row]) -> Iterator[Row]:
    """Rows whose names stand alone: a line that continues another one carries its name."""
    head = ""
    for r in rows:
        if not r.what.startswith(" "):
            head = r.what.partition(" -> ")[0].partition(", time without")[0]
            yield r
        else:
            yield replace(r, what=f"{head}: {r.what.strip()}")


def _failovers(found: Results) -> Iterator[str]:
    """One line per blow that hadelect took, one table per way of running it."""
    peers = _peer_names(found.trials)
    ours = dict.fromkeys(t.system for t in found.trials if t.system.startswith("hadelect"))
    if not ours:
        return
    yield "## Failover and handover"
    yield ""
    yield COLUMNS
    for system in ours:
        yield ""
        yield f"### {system}"
        yield ""
        head = ("goal", "median", "p99", "", "nobody: median", "two at once: worst", "n")
        yield _line("blow", *head, *(f"x {peer}" for peer in peers))
        yield _line("---", "---", "--:", "--:", "---", *["--:"] * (3 + len(peers)))
        for blow in Blow:
            group = [t for t in found.trials if t.system == system and t.blow is blow]
            if group:
                yield _failover(group, found.trials, peers)


def _failover(ours: Sequence[Trial], everybody: Sequence[Trial], peers: Sequence[str]) -> str:
    moved, *_, together = bench_failover.rows(ours)
    _, goal, _, middle, tail, _, n = cells(moved)
    ratios = bench_failover.ratios(moved, everybody)
    worst = number(max(together.values))
    two = f"**{worst} MISSED**" if together.met is False else worst
    gone = number(statistics.median(trial.gap for trial in ours))
    said = (times(ratios.get(peer)) for peer in peers)
    return _line(ours[0].blow.value, goal, middle, tail, _loud(moved), gone, two, n, *said)


def _costs(found: Results) -> Iterator[str]:
    """What is not a failover: idle cost, start, watchers, the simulator."""
    yield "## Cost, start, watchers, simulator"
    yield ""
    contest = ("hadelect", "keepalived", "lock file", REPLICATION)
    yield from _table(
        r
        for head, r in _headed(found.rows)
        if not head.startswith(contest) and " members: " not in head
    )


def _replication(found: Results) -> Iterator[str]:
    """Copies of the state, beside rsync and cp."""
    rows = [r for head, r in _headed(found.rows) if head.startswith(REPLICATION)]
    if not rows:
        return
    yield "## Replication"
    yield ""
    yield COPIES
    yield ""
    yield from _table(replace(r, what=r.what.removeprefix(REPLICATION)) for r in rows)


def _table(rows: Iterable[Row]) -> Iterator[str]:
    yield _line(*HEAD, "")
    yield _line(*["---"] * 3, *["--:"] * 4, "---")
    for r in rows:
        name, *rest = cells(r)
        indented = f"&nbsp;&nbsp; {name.strip()}" if name.startswith(" ") else name
        yield _line(indented, *rest, _loud(r))


def _headed(rows: Sequence[Row]) -> Iterator[tuple[str, Row]]:
    """Rows, each with the line that it is or continues."""
    head = ""
    for r in rows:
        if not r.what.startswith(" "):
            head = r.what
        yield head, r


def _loud(r: Row) -> str:
    return "**MISSED**" if r.met is False else verdict(r)


def _peer_names(trials: Sequence[Trial]) -> list[str]:
    """The floor, and whoever is not hadelect."""
    names = dict.fromkeys(trial.system for trial in trials)
    return [n for n in names if n == FLOOR] + [
        n for n in names if n != FLOOR and not n.startswith("hadelect")
    ]


def _peers(found: Results) -> Iterator[str]:
    trials = [t for t in found.trials if t.system != FLOOR]
    if not trials:
        return
    systems = list(dict.fromkeys(trial.system for trial in trials))
    yield "## Beside its peers"
    yield ""
    yield f"![From the blow to the next scheduler, by system and blow]({FAILOVERS})"
    yield ""
    for system in systems:
        ours = [trial for trial in trials if trial.system == system]
        twice = sum(trial.overlap > 0 for trial in ours)
        never = sum(math.isinf(trial.failover) for trial in ours)
        said = f"in {twice} two schedulers at once, in {never} nobody took over"
        yield f"- {system}: {len(ours)} trials, {said}"
    for title, cell in (
        ("From the blow to the next scheduler: median / worst, ms", _took),
        ("Time without a scheduler: median / worst, ms", _gap),
        ("Two schedulers at once: worst, ms (in how many trials)", _two),
    ):
        yield ""
        yield f"### {title}"
        yield ""
        yield _line("", *systems)
        yield _line("---", *["--:"] * len(systems))
        for blow in Blow:
            of_blow = [t for t in trials if t.blow is blow]
            if of_blow:
                groups = ([t for t in of_blow if t.system == system] for system in systems)
                yield _line(blow.value, *(cell(group) if group else "" for group in groups))
    yield ""
    yield WORDS


def _took(trials: Sequence[Trial]) -> str:
    if trials[0].blow is Blow.HANDOVER:
        return "(a command)"
    taken = [trial.failover for trial in trials]
    return f"{number(statistics.median(taken))} / {number(max(taken))}"


def _gap(trials: Sequence[Trial]) -> str:
    gaps = [trial.gap for trial in trials]
    return f"{number(statistics.median(gaps))} / {number(max(gaps))}"


def _two(trials: Sequence[Trial]) -> str:
    twice = [trial for trial in trials if trial.overlap > 0]
    if not twice:
        return "0"
    worst = "goes on" if any(t.outlived for t in twice) else number(max(t.overlap for t in twice))
    return f"**{worst}** ({len(twice)} of {len(trials)})"


def _growth(found: Results) -> Iterator[str]:
    if not found.sizes:
        return
    yield "## How cost grows with the members"
    yield ""
    yield f"![CPU, packets and failover over the number of members]({GROWTH})"
    yield ""
    yield "Default timing, mode `majority`; CPU and packets of one member at peace."
    yield ""
    yield _line(
        "members",
        "CPU of the leader, %",
        "CPU of a standby, %",
        "packets/s of the leader",
        "packets/s of a standby",
        "daemon killed → new exec, ms: median / worst",
        "two at once",
    )
    yield _line(*["--:"] * 7)
    for size in found.sizes:
        yield _line(
            str(size.members),
            *(number(statistics.mean(v)) for v in (size.leader_cpu, size.standby_cpu)),
            *(number(statistics.mean(v)) for v in (size.leader_packets, size.standby_packets)),
            f"{number(statistics.median(size.failover))} / {number(max(size.failover))}",
            number(max(size.overlap)),
        )


def _line(*columns: str) -> str:
    return f"| {' | '.join(columns)} |"


def write(found: Results, directory: Path) -> None:
    (directory / "performance.md").write_text(page(found))
    if any(trial.system != FLOOR for trial in found.trials):
        picture.failovers(found.trials, directory / FAILOVERS)
    if found.sizes:
        picture.growth(found.sizes, directory / GROWTH)


def main() -> int:
    if not 2 <= len(sys.argv) <= 3:
        print(__doc__, file=sys.stderr)
        return 2
    directory = Path(sys.argv[2]) if len(sys.argv) == 3 else ROOT / "docs"
    write(results.read(Path(sys.argv[1])), directory)
    return 0


if __name__ == "__main__":
    sys.exit(main())
