"""What a row of the fault matrix says, and how a test names the row that it proves.

Law: a row says nothing that its test does not assert; `how_long` is the bound that is asserted, and
the test's clock adds PATIENCE for a busy machine, nothing else.
"""

from dataclasses import dataclass
from enum import Enum

import pytest

from tests.e2e.lab import PATIENCE, Pool

MARK = "fault"


class HowLong(Enum):
    """Until one controllee runs again: in words, in leases, and seconds besides."""

    NOTHING = "nothing stops", 0.0, 0.0
    AT_ONCE = "at once: milliseconds, less than a lease", 1.0, 0.0
    RESTART = "at once; the next time the backoff of a local restart", 0.0, 1.0
    PROBES = "its failed probes, then its stop time and a local restart", 0.0, 4.0
    STOP = "its own stop time", 0.0, 2.0
    LEASE = "one lease + 1 % + two rounds of 0.5 s", 1.01, 1.0
    START = "two leases (an entry waits to hear of a leader, then votes are asked)", 2.0, 1.0
    REPAIR = "until it is repaired", 0.0, 0.0

    def __init__(self, words: str, leases: float, seconds: float) -> None:
        self.words, self.leases, self.seconds = words, leases, seconds

    def within(self, pool: Pool) -> float:
        """Seconds that a test on this noisy machine waits for it."""
        return self.leases * pool.lease + self.seconds + PATIENCE


@dataclass(frozen=True, slots=True)
class Fault:
    """One row: what dies, what happens, how long, what you do; and the trace that replays it."""

    key: str
    what: str
    happens: str
    how_long: HowLong
    do: str
    trace: str  # tests/traces/NAME.trace: the same story in the simulator; or a remark.


NOT_SIMULATED = "not simulated: "
BY_SEEDS = "simulated under seeds: `python -m hadelect.sim --replicates`"
REMARKS = (NOT_SIMULATED, BY_SEEDS)  # In the place of a trace.


def proves(*keys: str, mode: str = "") -> pytest.MarkDecorator:
    """Marks a test, or one of its parameters, as the proof of rows.

    `mode` says HAD_ARBITRATION where the test does not take it as a fixture.
    """
    mark: pytest.MarkDecorator = getattr(pytest.mark, MARK)(*keys, mode=mode)
    return mark
