"""What happened, counted: plain numbers that cost the loop nothing; metrics.py shows them.

Law: written by the event loop only; other threads read whole values.
"""

import bisect
from collections import Counter
from collections.abc import Sequence

LAG_BOUNDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
FAILOVER_BOUNDS = (0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Histogram:
    """Counts of seconds by upper bound; the last place is what lies above all bounds."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, seconds: float) -> None:
        self.counts[bisect.bisect_left(self.bounds, seconds)] += 1
        self.sum += seconds


class Tally:
    def __init__(self) -> None:
        self.messages: Counter[tuple[str, str, str]] = Counter()  # (kind, direction, result)
        self.elections: Counter[str] = Counter()  # cause
        self.transitions: Counter[tuple[str, str, str]] = Counter()  # (from, to, cause)
        self.restarts: Counter[str] = Counter()  # cause
        self.split_brains = 0
        self.log_drops = 0
        self.lag = Histogram(LAG_BOUNDS)
        self.failover = Histogram(FAILOVER_BOUNDS)

    def said(self, kind: str, result: str) -> None:
        self.messages[kind, "out", result] += 1

    def heard(self, kind: str, result: str) -> None:
        self.messages[kind, "in", result] += 1
