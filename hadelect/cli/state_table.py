"""Replicated state as people read it: a sentence, what is wrong, tables; a bar while it travels."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Group, RenderableType
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table
from rich.text import Text

from hadelect.cli.table import age, console
from hadelect.pb import replication_pb2 as pb


def state_table(reply: pb.StateReply) -> RenderableType:
    parts: list[RenderableType] = [Text(headline(reply), style="bold")]
    if reply.replica.problem:
        parts.append(Text(f"problem: {reply.replica.problem}", style="bold red"))
    parts += [Text(f"warning: {text}", style="yellow") for text in reply.warnings]
    parts.append(_members(reply))
    if reply.versions:
        parts.append(_versions(reply))
    if reply.asides:
        parts.append(_asides(reply))
    return Group(*parts)


def headline(reply: pb.StateReply) -> str:
    held = place(reply.replica)
    words = f"{reply.member} holds version {held}" if held != "-" else f"{reply.member} has none"
    ready = "ready" if reply.replica.ready else "not ready"
    if reply.leads:
        return f"{words}, leads term {reply.term}"
    behind = f"{age(reply.replica.lag_ms / 1000)} behind" if reply.replica.lag_ms else "current"
    return f"{words}, {ready}, {behind}; leader: {reply.leader or 'none'}"


def place(replica: pb.Replica) -> str:
    if not replica.HasField("version"):
        return "-"
    return f"{replica.version.term}.{replica.version.sequence}"


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        right = column in {"SIZE", "ENTRIES", "BEHIND", "UID", "GID"}
        table.add_column(column, justify="right" if right else "left", overflow="fold")
    return table


def _members(reply: pb.StateReply) -> Table:
    table = _table("MEMBER", "VERSION", "BEHIND", "CONNECTED")
    for peer in reply.peers:
        behind = age(peer.replica.lag_ms / 1000) if place(peer.replica) != "-" else "-"
        trouble = Text(peer.trouble or "yes", style="red" if peer.trouble else "")
        table.add_row(peer.member, place(peer.replica), behind, trouble)
    return table


def _versions(reply: pb.StateReply) -> Table:
    table = _table("KEPT", "TAKEN", "ENTRIES", "SIZE", "")
    for kept in reply.versions:
        version = f"{kept.version.term}.{kept.version.sequence}"
        live = "live" if kept.installed else ""
        table.add_row(version, kept.taken_at, str(kept.entries), size(kept.bytes), live)
    return table


def _asides(reply: pb.StateReply) -> Table:
    table = _table("ASIDE", "TAKEN", "WHERE", "WHY")
    for aside in reply.asides:
        table.add_row(aside.name, aside.taken_at, aside.path, aside.because)
    return table


def entries_table(entries: Sequence[pb.ShownEntry]) -> Table:
    table = _table("KIND", "MODE", "UID", "GID", "SIZE", "NAME")
    for entry in entries:
        name = entry.root + ("/" if entry.path else "")
        name += entry.path.decode(errors="backslashreplace")
        if entry.target:
            name += f" -> {entry.target.decode(errors='backslashreplace')}"
        printable = name if name.isprintable() else name.encode("unicode_escape").decode()
        table.add_row(
            entry.kind,
            f"{entry.mode:04o}",
            str(entry.uid),
            str(entry.gid),
            size(entry.size),
            Text(printable),
        )
    return table


def size(number: float) -> str:
    """Bytes, as short as a column wants it."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} TiB"


class Bar:
    """How a transfer goes on; nothing where nobody looks."""

    def __init__(self, *, quiet: bool) -> None:
        target = console()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=target,
            disable=quiet or not target.is_terminal,
            transient=True,
        )
        self._task: TaskID | None = None
        self._of = ""

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def show(self, reply: pb.StateReply) -> None:
        if not reply.HasField("progress"):
            self._end()
            return
        running = reply.progress
        version = f"{running.version.term}.{running.version.sequence}"
        words = f"{version} from {getattr(running, 'from')}"
        if words != self._of:
            self._end()
            self._of, self._task = words, self._bar.add_task(words, total=None)
        assert self._task is not None
        total = running.of_bytes or None
        self._bar.update(self._task, completed=running.bytes, total=total)

    def _end(self) -> None:
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task, self._of = None, ""
