"""Measured numbers beside their goals, as one table for a terminal or a note."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

INFINITY = float("inf")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of design section 8: what was measured, and how it compares."""

    what: str
    goal: str
    unit: str
    values: tuple[float, ...]  # One per trial.
    met: bool | None = None  # None: nothing was promised.


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, min(len(ordered) - 1, -int(-share * len(ordered) // 1) - 1))]


def row(what: str, unit: str, values: Sequence[float], goal: tuple[float, float] | None) -> Row:
    """`goal`: upper bounds of (median, p99); infinity where nothing is promised."""
    if goal is None or not values:
        return Row(what, "-", unit, tuple(values))
    median, tail = goal
    said = " ".join(
        f"{name} ≤ {bound:g}"
        for name, bound in (("median", median), ("p99", tail))
        if bound != INFINITY
    )
    met = statistics.median(values) <= median and percentile(values, 0.99) <= tail
    return Row(what, said or "-", unit, tuple(values), met if said else None)


def render(rows: Sequence[Row]) -> str:
    head = ("what", "goal", "unit", "median", "p99", "min", "n", "")
    cells = [head, *(_cells(r) for r in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    )


def _cells(r: Row) -> tuple[str, ...]:
    verdict = {True: "met", False: "MISSED", None: ""}[r.met]
    if not r.values:
        return (r.what, r.goal, r.unit, "-", "-", "-", "0", verdict)
    numbers = (statistics.median(r.values), percentile(r.values, 0.99), min(r.values))
    return (r.what, r.goal, r.unit, *(f"{n:.2f}" for n in numbers), str(len(r.values)), verdict)
