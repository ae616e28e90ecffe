"""The pool as people read it: a sentence, what is wrong, one row per member.

Law: all that is shown is in the view; nothing here asks, waits or decides. What does not fit 80
columns is left out where it says nothing (a version or a domain that all share) and said below.
"""

from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from hadelect.cli.failures import Exit
from hadelect.cli.verdict import Verdict
from hadelect.pb.control_pb2 import MemberStatus, StatusReply

PIPE_WIDTH = 160  # A pipe has no width; nothing is folded for grep's sake.

_COLOURS = {
    Exit.OK: "green",
    Exit.DEGRADED: "yellow",
    Exit.NO_LEADER: "bold red",
    Exit.NOBODY: "bold red",
}
_ROLE_COLOURS = {
    "LEADER": "bold green",
    "PASSIVE": "",
    "ELECTION": "yellow",
    "PRE": "yellow",
    "UNREACHABLE": "red",
}


def console(*, wide: bool = False) -> Console:
    """stdout; a pipe gets no colours and no folding."""
    real = Console(highlight=False, soft_wrap=False)
    if real.is_terminal and not wide:
        return real
    return Console(highlight=False, width=PIPE_WIDTH, no_color=True)


def pool_table(view: StatusReply, verdict: Verdict) -> RenderableType:
    parts: list[RenderableType] = [_headline(view, verdict)]
    if verdict.because:
        what = "degraded: " if verdict.code == Exit.DEGRADED else "also: "
        parts.append(Text(what + "; ".join(verdict.because), style=_COLOURS[verdict.code]))
    parts.append(Members(view))
    parts += [Text(f"warning: {text}", style="yellow") for text in view.warnings]
    return Group(*parts)


def _headline(view: StatusReply, verdict: Verdict) -> Text:
    line = Text(verdict.line, style=_COLOURS[verdict.code])
    if view.promise:
        line.append(f". Promise: {view.promise}", style="default not bold")
    return line


@dataclass(frozen=True, slots=True)
class Members:
    """One row per member, in the roomiest layout that fits the terminal."""

    view: StatusReply

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        ending = _common_ending([row.member for row in self.view.members])
        layouts = [("", 2), ("", 1), (ending, 1)]
        tables = [_members(self.view, hidden, gap) for hidden, gap in layouts]
        fitting = (t for t in tables if _width(console, options, t) <= options.max_width)
        yield next(fitting, tables[-1])


def _width(console: Console, options: ConsoleOptions, table: Table) -> int:
    return Measurement.get(console, options.update(width=1000), table).maximum


def _common_ending(names: list[str]) -> str:
    """What all names end with and need not be read each time, as `.example.org:51450`."""
    starts = {name.partition(".")[0] for name in names}
    endings = {"".join(name.partition(".")[1:]) for name in names}
    if len(endings) != 1 or len(starts) != len(names) or any(start.isdigit() for start in starts):
        return ""
    return endings.pop()


def _members(view: StatusReply, hidden: str, gap: int) -> Table:
    versions = {row.version for row in view.members if row.version}
    replicates = any(row.HasField("replica") for row in view.members)
    table = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="bold")
    table.add_column("MEMBER", overflow="fold")
    table.add_column("PRIO", justify="right")
    table.add_column("ROLE")
    table.add_column("TERM", justify="right")
    table.add_column("CONTROLLEE")
    if replicates:
        table.add_column("STATE")
    table.add_column("FIT")
    table.add_column("DRAINED")
    table.add_column("HEARD", justify="right")
    if len(versions) > 1:
        table.add_column("VERSION")
    for row in view.members:
        cells = _cells(row, view, hidden, replicates=replicates)
        table.add_row(*(cells if len(versions) > 1 else cells[:-1]))
    notes = [f"all members run hadelect {versions.pop()}"] if len(versions) == 1 else []
    if hidden:
        notes.append(f"all names end in {hidden}")
    table.caption, table.caption_justify = "; ".join(notes) or None, "left"
    return table


def _cells(row: MemberStatus, view: StatusReply, hidden: str, *, replicates: bool) -> list[Text]:
    known = row.HasField("last_heard_seconds") or row.reachable
    drained = Text("yes", style="yellow") if row.drained else Text("no")
    return [
        Text(row.member.removesuffix(hidden), style="bold" if row.member == view.leader else ""),
        Text(f"{row.priority}" if row.HasField("priority") else "witness" if row.witness else "-"),
        Text(row.role + (" (mute)" if row.mute else ""), style=_ROLE_COLOURS.get(row.role, "")),
        Text(str(row.term) if row.term else "-"),
        _controllee(row),
        *([_state(row)] if replicates else []),
        _fit(row),
        drained if known else Text("-"),
        Text(_heard(row, view)),
        Text(row.version or "-"),
    ]


def _controllee(row: MemberStatus) -> Text:
    if row.witness or not row.HasField("controllee") or not row.reachable:
        return Text("-")
    state = row.controllee.state or "-"
    colour = {"running": "green", "stop_failed": "bold red"}.get(state, "")
    words = f"{state} {row.controllee.pid}" if row.controllee.pid else state
    if row.controllee.restarts:
        words += f" ({row.controllee.restarts} restarts)"
    if row.controllee.check.failures:
        words += f" ({row.controllee.check.failures} failed probes)"
        colour = "red"
    return Text(words, style=colour)


def _state(row: MemberStatus) -> Text:
    """Of the copy of the replicated state: its version, and how old it may be."""
    if not row.HasField("replica"):
        return Text("-")
    words, lag = row.replica.version or "none", row.replica.lag_seconds
    if lag >= 1:
        words += f" (-{age(lag)})"
    return Text(words, style="red" if row.replica.problem else "")


def _fit(row: MemberStatus) -> Text:
    if row.witness or not row.reachable:
        return Text("-")
    return Text("yes") if row.fit else Text("NO", style="red")


def _heard(row: MemberStatus, view: StatusReply) -> str:
    if row.member == view.answered_by:
        return "self"
    if not row.HasField("last_heard_seconds"):
        return "-" if row.version else "never"  # A peer proven dead was heard once.
    return age(row.last_heard_seconds)


def age(seconds: float) -> str:
    """A length of time, as short as a column wants it."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h"
