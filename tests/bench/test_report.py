"""docs/performance.md says what was measured, and what was missed."""

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench import report, results
from tests.bench.__main__ import Effort, Found, timed, told, told_apart
from tests.bench.bench_failover import bases, ratios, rows
from tests.bench.bench_growth import Size
from tests.bench.blows import Blow, Trial
from tests.bench.contest import FLOOR, plan
from tests.bench.results import Machine, Results
from tests.bench.table import Goal, Row, row

OURS, PEER = "hadelect majority", "keepalived 1 s"


def trial(
    system: str, blow: Blow, failover: float, gap: float = 1.0, overlap: float = 0.0
) -> Trial:
    return Trial(system, blow, failover, gap, overlap, outlived=overlap > 100)


TRIALS = (
    *(trial(OURS, Blow.DAEMON, ms) for ms in (10.0, 12.0, 14.0)),
    trial(OURS, Blow.TERM, 30.0, gap=20.0),
    trial(PEER, Blow.DAEMON, 3000.0, gap=0.0, overlap=1300.0),
    trial(PEER, Blow.TERM, 650.0, gap=600.0),
    trial(PEER, Blow.DAEMON_FROZEN, math.inf, gap=math.inf),
    *(trial(FLOOR, Blow.DAEMON, ms) for ms in (3.0, 4.0, 5.0)),
)
SIZE = Size(3, (0.5,), (0.3, 0.4), (12.0,), (6.0, 6.0), (11.0, math.inf), (0.0, 0.0))


@pytest.fixture
def found() -> Results:
    return Results(
        machine=Machine(2, 8.0, "6.1", "3.11.7", "2.2.7"),
        arguments=("--quick",),
        load_before=(0.1, 0.1, 0.1),
        load_after=(1.0, 0.5, 0.2),
        seconds=90.0,
        rows=(*rows(TRIALS), row("idle leader: CPU of one core", "%", [0.5], Goal(median=0.8))),
        trials=TRIALS,
        sizes=(SIZE,),
        failed=(),
    )


def named(what: str) -> Row:
    return next(r for r in rows(TRIALS) if r.what == what)


def test_results_survive_the_file(found: Results, tmp_path: Path) -> None:
    """What is read is what was written, with what never happened."""
    path = tmp_path / "bench.json"
    results.write(found, path)
    assert "Infinity" not in path.read_text()
    assert results.read(path) == found


def test_a_row_is_compared_with_who_took_the_same_blow() -> None:
    """A crash with crashes by failover, a planned move with planned moves by its gap."""
    crash = named(f"{OURS}: daemon killed -> new exec")
    assert ratios(crash, TRIALS) == {PEER: 12 / 3000, FLOOR: 3.0}
    move = named(f"{OURS}: SIGTERM, time without a scheduler")
    assert ratios(move, TRIALS) == {PEER: 20 / 600, FLOOR: 5.0}
    assert bases(TRIALS, Blow.DAEMON_FROZEN.name)[PEER] == math.inf


def test_what_nobody_promised_is_not_judged() -> None:
    """Peers have no goals here; two at once of hadelect is a miss, however short."""
    assert all(r.met is None for r in rows(TRIALS) if r.what.startswith(PEER))
    (twice,) = [r for r in rows([trial(OURS, Blow.CUT, 1.0, overlap=0.01)]) if "two" in r.what]
    assert twice.met is False
    apart = [trial("hadelect none", Blow.CUT, 1.0, overlap=0.01)]
    assert [r.met for r in rows(apart) if "two" in r.what] == [None]


def section(page: str, title: str) -> list[str]:
    def lines() -> Iterator[str]:
        inside = False
        for line in page.splitlines():
            if line.startswith("## "):
                inside = line == f"## {title}"
            elif inside and line:
                yield line

    return list(lines())


def test_a_miss_is_said_first_and_in_the_table(found: Results) -> None:
    """Median 20 where 15 was promised: under "Not met", and loud among the goals."""
    page = report.page(found)
    what = f"{OURS}: SIGTERM, time without a scheduler"
    said = f"- MISSED: {what}: median 20.0, p99 20.0 ms; goal: median ≤ 15"
    assert section(page, "Not met") == [said]
    lines = section(page, "Failover and handover")
    (line,) = [line for line in lines if line.startswith("| SIGTERM | median ≤ 15 | 20.0 |")]
    assert "| **MISSED** | 20.0 | 0 | 1 | 5.0 | 0.033 |" in line
    assert sum("**MISSED**" in line for line in page.splitlines()) == 1


def test_a_line_that_goes_on_is_named_in_full(found: Results) -> None:
    """Away from its table, "two at once" says of whom; in it, it is loud."""
    overlapping = trial(OURS, Blow.DAEMON, 10.0, overlap=2.0)
    missed = replace(found, rows=tuple(rows([overlapping])), trials=(overlapping,))
    page = report.page(missed)
    (said,) = section(page, "Not met")
    assert "| met | 1.00 | **2.00 MISSED** | 1 |" in page
    assert said.startswith(f"- MISSED: {OURS}: daemon killed: two at once: median 2.00")


def test_all_met_is_said(found: Results) -> None:
    """An empty list could be a mistake."""
    calm = replace(found, rows=(row("x", "ms", [1], Goal(median=2)),))
    assert section(report.page(calm), "Not met") == ["Every goal was met."]


def test_a_failed_trial_is_said(found: Results) -> None:
    """A trial that could not be judged is not silently missing."""
    failed = replace(found, rows=(), failed=("hadelect none, link cut: did not settle",))
    assert "did not settle" in "\n".join(section(report.page(failed), "Not met"))
    assert "FAILED: hadelect none" in told(failed)


def test_peers_are_shown_with_their_overlaps(found: Results) -> None:
    """Who left its scheduler alive, who never took over; the goals are hadelect's alone."""
    page = report.page(found)
    beside = section(page, "Beside its peers")
    assert "| daemon killed | 0 | **goes on** (1 of 1) |" in beside
    assert "| daemon killed | 12.0 / 14.0 | 3000 / 3000 |" in beside
    assert "| daemon frozen |  | never / never |" in beside
    assert f"- {PEER}: 3 trials, in 1 two schedulers at once, in 1 nobody took over" in beside
    costs = section(page, "Cost, start, watchers, simulator")
    assert [line.split(" | ")[0] for line in costs[2:]] == [
        "| floor: SIGKILL -> TCP EOF -> posix_spawn",
        "| idle leader: CPU of one core",
    ]


def test_copies_are_a_table_of_their_own(found: Results) -> None:
    """Replication stands beside rsync, not among what the election costs."""
    copies = (row("replication: first copy", "s", [3.0]), row("  rsync and sync", "s", [2.0]))
    text = report.page(replace(found, rows=(*copies, *found.rows)))
    costs, table = text.index("## Cost"), text.index("## Replication")
    assert "| first copy | - | s | 3.00 |" in text[table:]
    assert "| &nbsp;&nbsp; rsync and sync | - | s | 2.00 |" in text[table:]
    assert "idle leader" in text[costs:table]
    assert "rsync and sync" not in text[costs:table]
    assert "## Replication" not in report.page(found)


def test_growth_is_a_table(found: Results) -> None:
    """One line per size, the mean of the standbys."""
    lines = section(report.page(found), "How cost grows with the members")
    assert "| 3 | 0.50 | 0.35 | 12.0 | 6.00 | never / never | 0 |" in lines


def test_the_page_and_its_pictures(found: Results, tmp_path: Path) -> None:
    """Every picture that the page shows is written beside it."""
    size = replace(SIZE, failover=(11.0, 12.0))
    report.write(replace(found, sizes=(size, replace(size, members=5))), tmp_path)
    shown = re.findall(r"!\[.*\]\((.*)\)", (tmp_path / "performance.md").read_text())
    assert {path.name for path in tmp_path.iterdir()} == {"performance.md", *shown}
    assert len(shown) == 2


def test_the_terminal_names_ratios_and_misses(found: Results) -> None:
    """One line per row, the peers' ratios beside it."""
    text = told(found)
    line = next(line for line in text.splitlines() if line.startswith(f"{OURS}: SIGTERM"))
    assert line.split()[-3:] == ["5.0", "0.033", "MISSED"]


def test_a_part_that_fails_costs_only_itself() -> None:
    """It is said, and what others found is kept."""
    so_far = Found(rows=[row("x", "ms", [1.0])])

    def broken(effort: Effort, found: Found) -> None:
        raise AssertionError("it did not settle\nfor reasons")

    timed(broken, Effort(), so_far)
    assert so_far.failed == ["broken: AssertionError: it did not settle"]
    assert len(so_far.rows) == 1


def test_the_command_is_told_without_its_file() -> None:
    """Where the results went is nobody's business, and may name a machine's directories."""
    assert told_apart(["--quick", "--json", "/a/b", "--long", "2"]) == ("--quick", "--long", "2")
    assert told_apart(["--json=/a/b", "--only", "idle"]) == ("--only", "idle")


def test_nobody_plays_what_it_does_not_have() -> None:
    """A lock file on a local disk has no link to be cut; long trials are fewer."""
    assert Blow.CUT not in plan("lock file 1 s", 30, 20)
    assert plan("keepalived 1 s", 30, 20)[Blow.CUT] == 20
    assert plan("hadelect none", 30, 20) == {
        blow: 20
        if blow in {Blow.DAEMON_AND_SUPERVISOR, Blow.NODE, Blow.CUT} or "frozen" in blow.value
        else 30
        for blow in Blow
    }
