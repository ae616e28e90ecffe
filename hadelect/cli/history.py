"""`hadelect history`: the changes a member, or the pool, wrote down: term, cause, operator, reason.

Law 1: a history is read where it lies if it can be (the daemon may be down), else asked for.
Law 2: each member stamps its lines with its own wall clock; nothing here corrects them.
"""

import asyncio
import heapq
import json
import sys
from collections.abc import Iterable
from typing import Any

import click

from hadelect.cli.failures import Exit, Failure
from hadelect.cli.instants import HELP, Instant
from hadelect.cli.options import Source, config_options, format_option
from hadelect.cli.past import LocalPast, Past, RemotePast
from hadelect.cli.whom import entry_of, pool_of
from hadelect.config.model import PoolView
from hadelect.core.effects import Emit
from hadelect.core.render import change
from hadelect.core.vocabulary import Role, Term
from hadelect.runtime.archive import entry_of as change_of

POLL_SECONDS = 0.5
NOTE = "note: merged by each member's own wall clock; between members these may differ"

Entry = dict[str, Any]


@click.command()
@click.option("--since", type=Instant(), default="", help=f"From then on: {HELP}.")
@click.option("--until", type=Instant(), default="", help="To then, not included.")
@click.option("--member", metavar="MEMBER", default="", help="Of that one.  [default: of this]")
@click.option("--pool", "whole", is_flag=True, help="Of all members, merged by time.")
@click.option("--follow", is_flag=True, help="Stay, and show what comes; Ctrl-C ends it.")
@format_option
@config_options
def history(  # noqa: PLR0913, PLR0917 - One parameter per option.
    since: str, until: str, member: str, whole: bool, follow: bool, form: str, **source: object
) -> None:
    """Show what changed, when and why: role, term, cause, operator, reason.

    Without --member or --pool: of this machine's member, also while it is down. Times are UTC, by
    the wall clock of the member that wrote them. Exit code: 0, or 3 if no history could be read.
    """
    if whole and member:
        raise click.UsageError("--pool is of all members; leave out --member")
    pool = pool_of(Source.of(source))
    show = Show(form, until)
    pasts = _pasts(pool, entry_of(pool, member) if member else "", whole)
    try:
        asyncio.run(_tell(pasts, since, show, follow=follow))
    except KeyboardInterrupt:
        sys.exit(Exit.OK)


def _pasts(pool: PoolView, member: str, whole: bool) -> list[Past]:
    if member:
        return [RemotePast(pool, member)]
    if not whole:
        return [LocalPast(pool)]
    names = [entry.name for entry in pool.members + pool.witnesses]
    return [RemotePast(pool, name) for name in names]


class Show:
    """Prints entries, and warnings to stderr, each once."""

    def __init__(self, form: str, until: str) -> None:
        self._json = form == "json"
        self._until = until
        self._warned: set[str] = set()

    def entries(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            if not self._until or entry["time"] < self._until:
                click.echo(json.dumps(entry) if self._json else line_of(entry))

    def warn(self, text: str) -> None:
        if text not in self._warned:
            self._warned.add(text)
            click.echo(f"hadelect: {text}", err=True)

    def news(self, text: str) -> None:
        """Worth saying again the next time it happens."""
        click.echo(f"hadelect: {text}", err=True)


async def _tell(pasts: list[Past], since: str, show: Show, *, follow: bool) -> None:
    """Raises Failure (3) if nothing could be read."""
    if len(pasts) > 1:
        show.warn(NOTE)
    read = await asyncio.gather(*(past.all(since) for past in pasts))
    if not any(past.read for past in pasts) and not follow:
        raise Failure("; ".join(past.trouble for past in pasts), Exit.NOBODY)
    _say_troubles(pasts, show)
    merged = heapq.merge(*map(_entries, read), key=lambda entry: str(entry["time"]))
    show.entries(merged)
    for past in pasts:
        if past.half_written and not follow:
            show.warn(f"{past.who}: the last line is half-written: skipped")
    while follow:
        await asyncio.sleep(POLL_SECONDS)
        fresh = await asyncio.gather(*(past.all(since) for past in pasts))
        _say_troubles(pasts, show)
        show.entries(heapq.merge(*map(_entries, fresh), key=lambda entry: str(entry["time"])))


def _say_troubles(pasts: list[Past], show: Show) -> None:
    for past in pasts:
        for text in past.news():
            show.news(text)


def _entries(lines: list[str]) -> list[Entry]:
    return [entry for line in lines if (entry := change_of(line)) is not None]


def line_of(entry: Entry) -> str:
    """One change in the words of the log, with what the log line does not say."""
    was = Role(entry["was"]) if entry.get("was") else None
    told = Emit(Role(entry["role"]), Term(entry["term"]), entry["because"], was=was)
    cause, operator = entry.get("cause"), entry.get("operator")
    more = [f"cause {cause}"] if cause else []
    more += [f"by {operator}"] if operator else []
    notes = f" [{', '.join(more)}]" if more else ""
    return f"{entry['time']}  {entry['member']}  {change(told)}{notes}"
