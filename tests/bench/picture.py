"""The two pictures of docs/performance.md.

Law: every trial is a point; medians are marks; times are on a logarithmic axis in milliseconds.
"""

import math
import random
import statistics
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from tests.bench.bench_growth import Size
from tests.bench.blows import Blow, Trial
from tests.bench.contest import FLOOR

SHOWN = (Blow.DAEMON, Blow.NODE, Blow.DAEMON_FROZEN, Blow.CUT, Blow.TERM)
COLOURS = {"hadelect": "#0072b2", "keepalived": "#e69f00", "lock file": "#009e73"}
TWO = "#d00000"
SHORTEST, NEVER = 1.0, 40_000.0  # ms; the right edge is where "never" is drawn.

mpl.rcParams["svg.hashsalt"] = "hadelect"  # The same trials make the same file.
mpl.rcParams["font.size"] = 9


def failovers(trials: Sequence[Trial], path: Path) -> None:
    """One panel per blow, one line per system."""
    systems = [s for s in dict.fromkeys(t.system for t in trials) if s != FLOOR and "fast" not in s]
    floor = [trial.failover for trial in trials if trial.system == FLOOR]
    figure = Figure(figsize=(10, 8.2), layout="constrained")
    axes = figure.subplots(3, 2, sharex=True, sharey=True).flatten()
    for panel, blow in zip(axes, SHOWN, strict=False):
        _panel(panel, [t for t in trials if t.blow is blow], systems)
        panel.set_title(blow.value, loc="left", fontweight="bold")
        if floor:
            panel.axvline(statistics.median(floor), color="grey", linestyle=":", linewidth=1)
    for panel in (axes[3], axes[4]):
        panel.set_xlabel("from the blow to the next scheduler (ms)")
        panel.tick_params(labelbottom=True)
    _legend(axes[5])
    figure.savefig(path, metadata={"Date": None})


def _panel(panel: Axes, trials: Sequence[Trial], systems: Sequence[str]) -> None:
    dice = random.Random(1)
    panel.set_xscale("log")
    panel.set_xlim(SHORTEST, NEVER * 1.8)
    panel.set_ylim(len(systems) - 0.5, -0.5)
    panel.set_yticks(range(len(systems)), systems)
    panel.set_xticks([1, 10, 100, 1000, 10_000, NEVER])
    panel.xaxis.set_major_formatter(FuncFormatter(_milliseconds))
    panel.xaxis.set_minor_formatter(NullFormatter())
    panel.grid(axis="x", color="0.9")
    panel.set_axisbelow(True)
    for line, system in enumerate(systems):
        ours = [trial for trial in trials if trial.system == system]
        if not ours:
            panel.text(1.3, line, "does not apply", va="center", color="0.55", fontsize=8)
            continue
        colour = next(c for name, c in COLOURS.items() if system.startswith(name))
        for trial in ours:
            two = trial.overlap > 0
            panel.plot(
                _place(trial.failover),
                line + dice.uniform(-0.24, 0.24),
                marker="x" if two else "o",
                markersize=4 if two else 3.5,
                color=TWO if two else colour,
                alpha=0.75,
                markeredgewidth=1 if two else 0,
                linestyle="none",
            )
        middle = _place(statistics.median(trial.failover for trial in ours))
        panel.plot([middle, middle], [line - 0.38, line + 0.38], color="black", linewidth=1.4)


def _place(ms: float) -> float:
    return NEVER if math.isinf(ms) else max(SHORTEST, ms)


def _milliseconds(value: float, _: object) -> str:
    return "never" if value == NEVER else f"{value:,.0f}".replace(",", " ")


def _legend(panel: Axes) -> None:
    """The last panel says what the marks mean."""
    panel.axis("off")
    marks = (
        ("o", "0.4", "one trial: never two schedulers at once"),
        ("x", TWO, "one trial in which two schedulers ran at once"),
    )
    for marker, colour, words in marks:
        panel.plot([], [], marker=marker, color=colour, linestyle="none", label=words)
    panel.plot([], [], color="black", linewidth=1.4, label="median of the trials")
    floor = "floor: SIGKILL seen by TCP, then posix_spawn"
    panel.plot([], [], color="grey", linestyle=":", label=floor)
    panel.legend(loc="center left", frameon=False)


def growth(sizes: Sequence[Size], path: Path) -> None:
    """CPU, packets and failover over the number of members."""
    figure = Figure(figsize=(10, 3.4), layout="constrained")
    cpu, packets, failover = figure.subplots(1, 3)
    _costs(cpu, sizes, "cpu")
    cpu.set_ylabel("CPU while idle (% of one core)")
    _costs(packets, sizes, "packets")
    packets.set_ylabel("packets in and out (1/s)")
    members = [size.members for size in sizes]
    for size in sizes:
        shifted = [size.members + 0.1 * ((i % 5) - 2) for i in range(len(size.failover))]
        failover.plot(shifted, size.failover, "o", markersize=3, alpha=0.5, color="#0072b2")
    middles = [statistics.median(size.failover) for size in sizes]
    failover.plot(members, middles, color="black", linewidth=1.2, label="median")
    failover.set_ylabel("daemon killed to new exec (ms)")
    failover.legend(frameon=False)
    for panel in (cpu, packets, failover):
        panel.set_xticks(members)
        panel.set_xlabel("members")
        panel.set_ylim(bottom=0)
        panel.grid(axis="y", color="0.9")
    figure.savefig(path, metadata={"Date": None})


def _costs(panel: Axes, sizes: Sequence[Size], kind: str) -> None:
    members = [size.members for size in sizes]
    for role, style in (("leader", "o-"), ("standby", "s--")):
        values = [statistics.mean(getattr(size, f"{role}_{kind}")) for size in sizes]
        panel.plot(members, values, style, markersize=4, label=role)
    panel.legend(frameon=False)
