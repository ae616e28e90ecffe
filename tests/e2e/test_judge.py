"""The judge sees what it is there to see: real stand-in schedulers, without any HAD."""

import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e import lan
from tests.e2e.judge import Journal, never_two, terms_rise
from tests.e2e.lab import SCHEDULER, until
from tests.e2e.scheduler import MANNERS

Begin = Callable[[str, int], int]


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal")


@pytest.fixture
def begin(journal: Journal) -> Iterator[Begin]:
    """Begins a scheduler of some manner under some term; all are gone after the test."""
    groups: list[subprocess.Popen[bytes]] = []

    def start(manner: str, term: int) -> int:
        groups.append(
            subprocess.Popen(
                [sys.executable, "-ISE", SCHEDULER, journal.path, manner],
                env={"HADELECT_TERM": str(term), "HADELECT_MEMBER": f"cm{term % 3}:1"},
            )
        )
        return groups[-1].pid

    yield start
    for pid in _schedulers(journal):
        os.kill(pid, signal.SIGKILL)
    for process in groups:
        process.wait(5)


def _schedulers(journal: Journal) -> list[int]:
    """Host pids of all processes that were started with this journal."""
    wanted = str(journal.path).encode()
    return [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and not lan.zombie(int(entry.name)) and wanted in _cmdline(entry)
    ]


def _cmdline(entry: Path) -> bytes:
    try:
        return (entry / "cmdline").read_bytes()
    except OSError:
        return b""


def writing(journal: Journal, count: int) -> None:
    until(lambda: len(journal.running()) == count, 5, lambda: f"not {count} schedulers")


def test_one_after_the_other_is_no_overlap(journal: Journal, begin: Begin) -> None:
    """A scheduler that begins after the last line of another: never two, terms rise."""
    first = begin("plain", 1)
    writing(journal, 1)
    os.kill(first, signal.SIGKILL)
    writing(journal, 0)
    begin("plain", 2)
    writing(journal, 1)
    never_two(journal)
    terms_rise(journal)
    assert [run.term for run in journal.runs()] == [1, 2]


def test_two_at_once_are_seen(journal: Journal, begin: Begin) -> None:
    """Two that run side by side are an overlap, even if both claim one term and member."""
    begin("plain", 1)
    writing(journal, 1)
    begin("plain", 1)
    writing(journal, 2)

    def objection() -> str:
        try:
            never_two(journal)
        except AssertionError as error:
            return str(error)
        return ""  # The first has not written again yet.

    assert "two schedulers at once" in until(objection, 10.0, lambda: "no overlap is seen")


def test_a_term_that_falls_is_seen(journal: Journal, begin: Begin) -> None:
    """A later start under a lower term fails the judge: any in majority, one's own in none."""
    first = begin("plain", 5)
    writing(journal, 1)
    os.kill(first, signal.SIGKILL)
    writing(journal, 0)
    begin("plain", 2)
    writing(journal, 1)
    with pytest.raises(AssertionError, match="a lower term"):
        terms_rise(journal)
    with pytest.raises(AssertionError, match="a lower term"):
        terms_rise(journal, "none")  # It is the same member.


# These are proved by the stories that need them.
ODD = {"fails", "fork_bomb", "huge", "keeps_jobs", "writes_to_a_disk"}


@pytest.mark.parametrize("manner", sorted(set(MANNERS) - ODD))
def test_every_manner_writes(journal: Journal, begin: Begin, manner: str) -> None:
    """A stand-in of any manner is one writer, and shows the manner it is named for."""
    first = begin(manner, 1)
    writing(journal, 1)
    pids = _schedulers(journal)
    if manner == "changes_uid":
        assert Path(f"/proc/{first}").stat().st_uid == pwd.getpwnam("nobody").pw_uid
    if manner == "daemonises":
        assert first not in pids
    os.kill(first, signal.SIGTERM) if first in pids else None
    if manner in ("stubborn", "double_forks", "daemonises"):
        until(lambda: len(_schedulers(journal)) >= 1, 1, lambda: "all gone")
    else:
        until(lambda: not _schedulers(journal), 5, lambda: "does not end when asked")
