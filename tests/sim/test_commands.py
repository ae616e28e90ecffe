"""`python -m hadelect.sim` and `python -m hadelect.sim.trace`, as a developer calls them."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from hadelect.core.events import Event
from hadelect.core.state import Decision, State
from hadelect.core.vocabulary import Millis, Rules
from hadelect.sim import __main__ as swarm_command
from hadelect.sim import coverage, trace
from hadelect.sim.aimed import BLOWS, Aim
from hadelect.sim.faults import EVENTS, Faults
from hadelect.sim.swarm import bad_day
from hadelect.sim.world import Core

SCRIPT = "# One member.\n\npool 1\n----\n\nrun 3s\n----\n"


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["sim", *arguments])
    return swarm_command.main()


def test_many_days_end_with_a_summary(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Seeds, virtual time, ratio and what was covered."""
    assert call(monkeypatch, "--seeds", "6", "--jobs", "1") == 0
    said = capsys.readouterr().out
    assert "6 seeds" in said
    assert "x real time" in said
    assert "0 violations" in said


def test_several_processes_live_the_same_days(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The number of processes changes nothing but the time it takes."""
    reports = []
    for jobs in ("1", "2"):
        assert call(monkeypatch, "--seeds", "4", "--from", "5", "--jobs", jobs) == 0
        reports.append(capsys.readouterr().out.splitlines()[:-1])
    assert reports[0] == reports[1]


def test_what_never_happened_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In enough days everything of the table must have happened: a row that stays empty fails."""
    monkeypatch.setattr(coverage, "ENOUGH", 2)
    assert call(monkeypatch, "--seeds", "2", "--jobs", "1") == 1
    said = capsys.readouterr().out
    assert "0 violations" in said
    assert "never happened in 2 days: " in said


def test_a_worst_value_is_no_sum() -> None:
    """Counts of several days add up; what is called worst is the largest."""
    totals = Counter({"power": 1, "settled, worst ms": 10})
    coverage.summed(totals, Counter({"power": 2, "settled, worst ms": 7}))
    assert totals == {"power": 3, "settled, worst ms": 10}


def test_every_kind_of_fault_has_its_row() -> None:
    """Whatever can be thrown at a pool is in the table of what was covered."""
    rows = {name for _, names in coverage.SECTIONS for name in names}
    assert set(EVENTS) <= rows
    assert {f"aimed: {name}" for name in BLOWS} <= rows
    assert [name for name in BLOWS if not hasattr(Aim, name)] == []


def test_one_day_shows_its_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --verbose every message is told; that changes nothing of the day."""
    assert call(monkeypatch, "--seed", "3", "--verbose") == 0
    said = capsys.readouterr().out
    assert " tells " in said
    assert said.splitlines()[-1] == f"log hash {bad_day(3).digest()}"


def test_a_violation_names_seed_faults_and_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What somebody needs who has to find out why."""

    def deaf(rules: Rules, state: State, event: Event, now: Millis) -> Decision:
        return Decision(replace(state, now=now))

    broken = Core(step=deaf, wake_at=lambda _, state: Millis(state.now + 1000))
    monkeypatch.setattr(swarm_command, "bad_day", lambda seed, _: bad_day(seed, broken))
    assert call(monkeypatch, "--seeds", "2", "--jobs", "1") == 1
    said = capsys.readouterr().out
    assert "2 violations" in said
    assert "seed 0, a " in said
    assert "faults: " in said
    assert "BROKEN: " in said


def test_a_crash_of_the_core_is_a_finding(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An exception anywhere in a day is reported with its seed, and the other days go on."""

    def crash(seed: int, _: Core) -> None:
        raise KeyError(seed)

    monkeypatch.setattr(swarm_command, "bad_day", crash)
    assert call(monkeypatch, "--seeds", "2", "--jobs", "1") == 1
    assert "KeyError: 0" in capsys.readouterr().out


def test_faults_are_printed_without_what_is_kind() -> None:
    """Only what differs from a kind world is worth reading."""
    assert str(Faults()) == ""
    assert str(Faults(power=3, loss=0.2)) == "loss=0.2 power=3"


def test_every_event_has_its_method() -> None:
    """A weight's name is the name of what happens."""
    chaos = __import__("hadelect.sim.chaos", fromlist=["Chaos"]).Chaos
    assert [name for name in EVENTS if not hasattr(chaos, name)] == []


def test_a_trace_is_recorded_and_compared(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """--record writes today's answers; without it a difference is shown and exits 1."""
    path = tmp_path / "one.trace"
    path.write_text(SCRIPT)
    monkeypatch.setattr("sys.argv", ["trace", str(path)])
    assert trace.main() == 1
    assert "+   0.000s  cm1  boots" in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["trace", "--record", str(path)])
    assert trace.main() == 0
    assert path.read_text().startswith("# One member.\n")
    monkeypatch.setattr("sys.argv", ["trace", str(path)])
    assert trace.main() == 0
