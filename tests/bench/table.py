"""Measured numbers beside their goals, as one table for a terminal or a note."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

INFINITY = math.inf


@dataclass(frozen=True, slots=True)
class Goal:
    """What was promised: upper bounds of median and p99, or a least median."""

    median: float = INFINITY
    p99: float = INFINITY
    least: float = -INFINITY

    @property
    def words(self) -> str:
        if self == ZERO:
            return "0"
        said = [
            f"{name} {sign} {bound:g}"
            for name, sign, bound in (
                ("median", "≤", self.median),
                ("p99", "≤", self.p99),
                ("median", "≥", self.least),
            )
            if abs(bound) != INFINITY
        ]
        return ", ".join(said) or "-"

    def met(self, values: Sequence[float]) -> bool | None:
        """None: nothing was promised."""
        if self == Goal():
            return None
        middle = statistics.median(values) if values else INFINITY
        worst = percentile(values, 0.99) if values else INFINITY
        return self.least <= middle <= self.median and worst <= self.p99 and bool(values)


NOTHING = Goal()
ZERO = Goal(median=0, p99=0)


@dataclass(frozen=True, slots=True)
class Row:
    """One line: what was measured, and how it compares."""

    what: str
    unit: str
    values: tuple[float, ...]  # One per trial.
    goal: Goal = NOTHING
    blow: str = ""  # Name of a Blow: peers that took the same one are what it is compared to.
    floored: bool = False  # Whether the floor is, too.

    @property
    def met(self) -> bool | None:
        return self.goal.met(self.values)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, min(len(ordered) - 1, -int(-share * len(ordered) // 1) - 1))]


def row(
    what: str, unit: str, values: Sequence[float], goal: Goal = NOTHING, *, floored: bool = False
) -> Row:
    return Row(what, unit, tuple(values), goal, floored=floored)


def ratio(value: float, base: float) -> float | None:
    """How many times `base`; None where there is nothing to compare."""
    if not base or math.isinf(value) or math.isinf(base):
        return None
    return value / base


def number(value: float) -> str:
    """Three digits that matter; `never` where it did not end."""
    if math.isinf(value):
        return "never"
    if value == 0:
        return "0"
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def times(value: float | None) -> str:
    """A ratio: two digits that matter."""
    if value is None:
        return ""
    if value >= 10:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 1 else f"{value:.2g}"


HEAD = ("what", "goal", "unit", "median", "p99", "min", "n")


def cells(r: Row) -> tuple[str, ...]:
    """The columns of HEAD."""
    if not r.values:
        return (r.what, r.goal.words, r.unit, "-", "-", "-", "0")
    numbers = (statistics.median(r.values), percentile(r.values, 0.99), min(r.values))
    return (r.what, r.goal.words, r.unit, *map(number, numbers), str(len(r.values)))


def verdict(r: Row) -> str:
    return {True: "met", False: "MISSED", None: ""}[r.met]


def render(rows: Sequence[Row]) -> str:
    return aligned([(*HEAD, ""), *((*cells(r), verdict(r)) for r in rows)])


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Columns of text for a terminal."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
