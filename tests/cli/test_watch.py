"""`status --watch`: every change at once, and nothing stale shown as fresh."""

import json
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from hadelect.cli.client import Answers
from hadelect.cli.watch import picture
from hadelect.config.load import load_pool
from hadelect.config.model import PoolView
from tests.cli.pool import Pool, healthy

ROOT = Path(__file__).parent.parent.parent
WAIT = 30.0


class Watching:
    """`hadelect status --watch --format json` in a process of its own."""

    def __init__(self, pool: Pool) -> None:
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-P", "-m", "hadelect.cli.main", "status", "--watch"),
                *("--format", "json", "--config", str(pool.config)),
            ],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def next(self) -> Any:
        return json.loads(self._lines.get(timeout=WAIT))

    def until_leader(self, name: str | None) -> Any:
        while True:
            told = self.next()
            if told["leader"] == name:
                return told

    def close(self) -> None:
        self._process.send_signal(2)
        assert self._process.wait(WAIT) == 0, "Ctrl-C is how one leaves"
        self._reader.join()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self._lines.put(line)


def test_a_line_per_change(pool: Pool) -> None:
    """A JSON line for each change; a member that only grew older is none."""
    member = pool.member(healthy(pool.names, pool.names[0]))
    watching = Watching(pool)
    assert watching.next()["leader"] == pool.names[0]
    older = healthy(pool.names, pool.names[0])
    older.members[1].last_heard_seconds = 0.9
    member.change(older)
    member.change(healthy(pool.names, pool.names[0], leader=1))
    assert watching.next()["leader"] == pool.names[1]
    watching.close()


def test_the_member_goes_away(pool: Pool) -> None:
    """When the local member dies, the others are asked; when nobody is left, it says so."""
    member = pool.member(healthy(pool.names, pool.names[0]))
    other = pool.remote(1, healthy(pool.names, pool.names[1], leader=2))
    watching = Watching(pool)
    assert watching.next()["leader"] == pool.names[0]
    pool.kill(member)
    assert watching.until_leader(pool.names[2])["answered_by"] == pool.names[1]
    pool.kill(other)
    assert watching.until_leader(None)["answered_by"] is None
    watching.close()


def test_a_member_without_room_for_watchers(pool: Pool) -> None:
    """A member that takes no more watchers is polled."""
    member = pool.member(healthy(pool.names, pool.names[0]))
    member.watchable = False
    watching = Watching(pool)
    assert watching.next()["leader"] == pool.names[0]
    member.change(healthy(pool.names, pool.names[0], leader=1))
    assert watching.next()["leader"] == pool.names[1]
    watching.close()


def drawn(newest: Answers | None, silent_since: float | None, now: float) -> str:
    console = Console(width=100, no_color=True)
    with console.capture() as captured:
        console.print(picture(newest, silent_since, now))
    return captured.get()


@pytest.fixture
def here(pool: Pool) -> PoolView:
    return load_pool(pool.config)


def test_the_picture_says_its_age(pool: Pool, here: PoolView) -> None:
    """What is shown names who said it and how long ago."""
    answers = Answers(here, (healthy(pool.names, pool.names[1]),), (), local=True, at=100.0)
    assert f"1.2 s old, said by {pool.names[1]}; Ctrl-C ends" in drawn(answers, None, 101.2)
    assert "STALE" not in drawn(answers, None, 101.2)


@pytest.mark.parametrize("silent_since, now", [(None, 103.5), (100.5, 101.0)])
def test_the_picture_never_shows_old_as_fresh(
    pool: Pool, here: PoolView, silent_since: float | None, now: float
) -> None:
    """Older than three seconds, or known to be unanswered: the picture says STALE first."""
    answers = Answers(here, (healthy(pool.names, pool.names[1]),), (), local=True, at=100.0)
    assert drawn(answers, silent_since, now).startswith("STALE: nobody answers; this was so")


def test_the_picture_before_anybody_spoke() -> None:
    """Nothing is invented before the first answer."""
    assert drawn(None, None, 1.0).strip() == "asking …"
    assert drawn(None, 0.5, 1.0).strip() == "nobody has answered yet"
