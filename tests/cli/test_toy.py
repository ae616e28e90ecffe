"""The toy scheduler, as a process."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from hadelect.cli import toy
from hadelect.cli.journal import judge, lines_of


def test_writes_who_it_is_until_sigterm(tmp_path: Path) -> None:
    """100 lines a second with its term, pid and member; SIGTERM ends it at once, with 0."""
    journal = tmp_path / "journal"
    scheduler = subprocess.Popen(
        [sys.executable, "-I", "-S", toy.__file__, str(journal)],
        env=os.environ | {"HADELECT_TERM": "65", "HADELECT_MEMBER": "cm2:51450"},
    )
    deadline = time.monotonic() + 30
    while not (journal.exists() and journal.read_text().count("\n") >= 30):
        assert time.monotonic() < deadline
        assert scheduler.poll() is None
        time.sleep(0.02)
    start = time.monotonic()
    scheduler.send_signal(signal.SIGTERM)
    assert scheduler.wait(5) == 0
    assert time.monotonic() - start < 1
    text = journal.read_text()
    assert text.endswith("\n")
    (run,) = judge(text).runs
    assert (run.member, run.term, run.pid) == ("cm2:51450", 65, scheduler.pid)
    lines = lines_of(text)
    mean = (lines[-1].at - lines[0].at) / (len(lines) - 1)
    assert mean >= 10_000_000, "never faster than 100 Hz"


def test_usage() -> None:
    """Without a journal it says what it wants."""
    answer = subprocess.run(
        [sys.executable, toy.__file__], capture_output=True, text=True, timeout=30, check=False
    )
    assert answer.returncode == 1
    assert answer.stderr == "usage: toy.py JOURNAL\n"
