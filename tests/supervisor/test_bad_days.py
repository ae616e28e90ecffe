"""One seed, one bad day: whatever is killed or frozen in whatever order, the words are true."""

import contextlib
import os
import random
import signal
from pathlib import Path

import pytest

from hadelect.supervisor.linux import boottime_ms
from tests.supervisor.harness import Had, is_alive, until

ROUNDS = 6
KINDS = ("runs", "forks", "daemonises", "stops-itself")


class Day:
    """A judge beside the process: what it says is compared with what the host shows."""

    def __init__(self, had: Had, seed: int) -> None:
        self.had = had
        self.dice = random.Random(seed)
        self.term = 0
        self.over: set[int] = set()  # Terms whose secret is known or whose notice was heard.

    def round(self) -> None:
        had = self.had
        if not is_alive(had.daemon):
            had.expect("born", patience_s=15)
            had.configure(self.dice.choice(KINDS))
            had.expect("SupervisorReady")
        self.term += 1
        had.order("start", term=self.term, for_ms=1500)
        had.expect("ControlleeChanged", state="running", term=self.term, patience_s=15)
        deadline = boottime_ms() + 1500
        victims = self.dice.sample([had.init, had.daemon, had.process.pid], self.dice.randint(1, 2))
        for pid in victims:
            frozen = pid == had.process.pid or self.dice.random() < 0.4
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP if frozen else signal.SIGKILL)
        if self.dice.random() < 0.5:
            had.order("extend", term=self.term, for_ms=500)
        until(lambda: not had.living())
        assert boottime_ms() < deadline + 500
        for pid in victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        had.order("ping")
        self.end_of_term()

    def end_of_term(self) -> None:
        """Whoever lives by now has released the term, or releases it when asked."""
        had = self.had
        if is_alive(had.daemon):
            had.order("stop", term=self.term, kill=True)

        def is_over() -> bool:
            had._read()
            told = any(said.get("term") == self.term and said.get("secret") for said in had.said)
            return told or any(notice.term == self.term for notice in had.notices())

        until(is_over, 15)
        assert not had.living()


@pytest.mark.parametrize("seed", range(8))
def test_bad_day(tmp_path: Path, seed: int) -> None:
    """No tree outlives its deadline, no secret its tree, and no term starts twice; afterwards the
    next term starts as ever.
    """
    with Had(tmp_path) as had:
        had.ready("forks")
        day = Day(had, seed)
        for _ in range(ROUNDS):
            day.round()
