"""Hooks, probes and fence commands as real processes, run by the real supervisor."""

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.supervisor.harness import Had, Said, is_alive, until

HOOK = "HAD_PRE_START"
STUBBORN = 'trap "" TERM INT HUP; echo $$ >> {pids}; while :; do sleep 0.05; done'


def shell(script: str, limit: float = 10.0) -> dict[str, object]:
    return {HOOK: (["/bin/sh", "-c", script], limit)}


def run(had: Had, script: str, limit: float = 10.0, number: int = 1) -> None:
    had.configure(errands=shell(script, limit))
    had.order("run", id=number, errand=HOOK, term=65, change=["a:1", "b:1"])


def ran(had: Had, script: str, limit: float = 10.0) -> Said:
    had.expect("born")
    run(had, script, limit)
    return had.expect("Ran", id=1)


def pids_in(path: Path, count: int) -> list[int]:
    def read() -> list[int]:
        found = [int(line) for line in path.read_text().split()] if path.exists() else []
        return found if len(found) >= count else []

    return until(read)


@pytest.mark.parametrize(
    ("script", "outcome", "because"),
    [
        ("exit 0", "done", "exit code 0"),
        ("exit 1", "failed", "exit code 1"),
        ("exit 3", "unknown", "exit code 3"),
        ("exit 127", "unknown", "exit code 127"),
        ("kill -9 $$", "unknown", "signal 9 (Killed)"),
    ],
)
def test_outcome(had: Had, script: str, outcome: str, because: str) -> None:
    """How a command ends is told; unknown is not failed."""
    told = ran(had, script)
    assert (told["outcome"], told["because"]) == (outcome, because)


def test_no_such_program(had: Had) -> None:
    """What cannot be run is unknown, with the reason."""
    had.expect("born")
    had.configure(errands={HOOK: (["/nowhere/hook"], 1.0)})
    had.order("run", id=1, errand=HOOK)
    told = had.expect("Ran", id=1)
    assert (told["outcome"], told["because"]) == (
        "unknown",
        "cannot run /nowhere/hook: No such file or directory",
    )


def test_environment(had: Had) -> None:
    """A hook is told why it runs, and nothing by which it could speak in our name."""
    had.expect("born")
    run(had, "env; ls /proc/self/fd | wc -l")
    lines = set()
    while (said := had.expect("output", stream=HOOK))["line"] != "4":  # 0, 1, 2 and ls's own.
        lines.add(said["line"])
    expected = {
        "HADELECT_TERM=65",
        f"HADELECT_MEMBER={had.member}",
        "HADELECT_CONTROLLEE=NEGOTIATOR",
        "HADELECT_CAUSE=cold_start",
        "HADELECT_OLD_LEADER=a:1",
        "HADELECT_NEW_LEADER=b:1",
        "HADELECT_PLANNED=0",
        f"HADELECT_HOOK={HOOK}",
    }
    assert expected <= lines
    assert not any(line.startswith(("NOTIFY_SOCKET", "HADELECT_SUPERVISOR_FD")) for line in lines)


def test_time_limit(had: Had, tmp_path: Path) -> None:
    """At the limit nothing is left of it: not what ignores SIGTERM, not what daemonised."""
    pids = tmp_path / "pids"
    stubborn = STUBBORN.format(pids=pids)
    told = ran(had, f"setsid sh -c '{stubborn}' & (sh -c '{stubborn}' &) ; {stubborn}", 0.7)
    assert told["outcome"] == "failed"
    assert "not ended after 0.7 s" in told["because"]
    assert not [pid for pid in pids_in(pids, 3) if is_alive(pid)]


def test_what_is_left_in_the_background_is_left(had: Had, tmp_path: Path) -> None:
    """A command whose first process ended is over, whatever it started goes on."""
    pids = tmp_path / "pids"
    told = ran(had, f"sleep 60 & echo $! > {pids}")
    assert told["outcome"] == "done"
    (left,) = pids_in(pids, 1)
    assert is_alive(left)
    os.kill(left, signal.SIGKILL)


def test_flood(had: Had) -> None:
    """Any amount of output is read; the last words of it are told."""
    told = ran(had, "head -c 20000000 /dev/zero | tr '\\0' x; echo; echo the end")
    assert told["outcome"] == "done"
    assert not [said for said in had.said if len(said.get("line", "")) > 4096]


def test_last_words(had: Had) -> None:
    """What a hook says comes to the log, under its name."""
    had.expect("born")
    run(had, "echo one; echo two >&2; exit 1")
    assert had.expect("output", stream=HOOK)["line"] == "one"
    assert had.expect("output", stream=HOOK)["line"] == "two"
    had.expect("Ran", outcome="failed")


def test_cancel(had: Had, tmp_path: Path) -> None:
    """What nobody wants any more is killed, and its end is told."""
    pids = tmp_path / "pids"
    had.expect("born")
    run(had, STUBBORN.format(pids=pids))
    (pid,) = pids_in(pids, 1)
    had.order("cancel", id=1)
    assert had.expect("Ran")["outcome"] == "unknown"
    assert not is_alive(pid)


def test_daemon_killed_during_a_hook(had: Had, tmp_path: Path) -> None:
    """The hook of a dead leader is dead before its death notice goes out, and before the next
    daemon may run one.
    """
    pids = tmp_path / "pids"
    had.running(term=65, errands=shell(f"({STUBBORN.format(pids=pids)}) & wait"))
    had.order("run", id=1, errand=HOOK, term=65)
    (pid,) = pids_in(pids, 1)
    had.kill(had.daemon)
    assert had.expect_notice().term == 65
    assert not is_alive(pid)
    assert not had.living()


def test_supervisor_killed_during_a_hook(had: Had, tmp_path: Path) -> None:
    """Nothing of a hook outlives the supervisor."""
    pids = tmp_path / "pids"
    had.expect("born")
    run(had, f"({STUBBORN.format(pids=pids)}) & wait")
    (pid,) = pids_in(pids, 1)
    had.kill(had.process.pid)
    until(lambda: not is_alive(pid))


def test_attendant_killed(had: Had, tmp_path: Path) -> None:
    """Somebody kills our own process beside the hook: unknown, at once."""
    pids = tmp_path / "pids"
    had.expect("born")
    run(had, f"echo $PPID > {pids}; exec sleep 60")
    (attendant,) = pids_in(pids, 1)
    os.kill(attendant, signal.SIGKILL)
    assert had.expect("Ran")["because"] == "its attendant was killed"


def test_attendant_frozen(had: Had, tmp_path: Path) -> None:
    """An attendant that does not keep the limit is killed by the supervisor, with all below it."""
    pids = tmp_path / "pids"
    had.expect("born")
    run(had, f"echo $PPID > {pids}; echo $$ >> {pids}; exec sleep 60", 0.3)
    attendant, pid = pids_in(pids, 2)
    os.kill(attendant, signal.SIGSTOP)
    assert had.expect("Ran")["outcome"] == "unknown"
    assert not is_alive(attendant)
    assert not is_alive(pid)


def test_at_most_eight_at_once(had: Had) -> None:
    """A ninth command is not run, and that is told."""
    had.expect("born")
    had.configure(errands=shell("sleep 60"))
    for number in range(1, 10):
        had.order("run", id=number, errand=HOOK)
    told = had.expect("Ran", id=9)
    assert (told["outcome"], told["because"]) == ("unknown", "8 commands run already")


def test_deadline_during_a_hook(had: Had) -> None:
    """A hook that hangs holds up neither the deadline nor its report."""
    had.ready(errands=shell(f"exec {sys.executable} -c 'while True: pass'"))
    had.order("run", id=1, errand=HOOK)
    had.order("start", term=1, for_ms=600)
    had.expect("ControlleeChanged", state="running")
    assert "deadline" in had.expect("ControlleeChanged", state="stopped", patience_s=2)["because"]
    had.order("cancel", id=1)
    had.expect("Ran")
    assert not had.living()


def test_end_keeps_the_leadership(had: Had) -> None:
    """A tree that is ended because it hangs reveals no secret: its term may start again."""
    had.running(term=1)
    had.order("end", term=1)
    stopped = had.expect("ControlleeChanged", state="stopped")
    assert (stopped["asked"], stopped["secret"]) == (False, "")
    had.order("start", term=1, for_ms=30_000)
    had.expect_up(1)
    had.order("end", term=2)
    assert had.expect("output", stream="supervisor")["line"].startswith("end refused: ")


def test_end_of_a_frozen_tree(had: Had) -> None:
    """SIGKILL follows when a hung tree ignores its stop signal."""
    had.running("ignores-sigterm", term=1, controllee={"stop_timeout": 0.3})
    had.order("end", term=1)
    stopped = had.expect("ControlleeChanged", state="stopped")
    assert not stopped["asked"]
    assert not had.living()
