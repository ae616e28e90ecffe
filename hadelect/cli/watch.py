"""`hadelect status --watch`: the same table, kept up to date, and never older than it says.

Law: the age of what is shown is always on the screen; beyond `STALE_SECONDS` it is called stale.
"""

import asyncio
import copy
import json
from typing import Any

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.styled import Styled
from rich.text import Text

from hadelect.cli.client import Answers, boottime
from hadelect.cli.merge import merged
from hadelect.cli.news import news
from hadelect.cli.table import age, console, pool_table
from hadelect.cli.verdict import judge_pool
from hadelect.config.model import PoolView
from hadelect.runtime.status import status_dict

STALE_SECONDS = 3.0
REFRESH_SECONDS = 0.5  # How often the age on the screen moves.


def watch_pool(pool: PoolView, form: str) -> None:
    """Until Ctrl-C. A terminal is redrawn; elsewhere each change is printed below the last."""
    screen = console()
    try:
        if form == "json":
            asyncio.run(_lines(pool))
        elif screen.is_terminal:
            asyncio.run(_live(pool, screen))
        else:
            asyncio.run(_pages(pool, screen))
    except KeyboardInterrupt:
        pass


async def _lines(pool: PoolView) -> None:
    """One JSON object a line, whenever something else than an age changed."""
    shown: dict[str, Any] | None = None
    async for answers in news(pool):
        told = status_dict(merged(answers))
        if _lasting(told) != shown:
            shown = _lasting(told)
            click.echo(json.dumps(told))


async def _pages(pool: PoolView, screen: Console) -> None:
    shown: dict[str, Any] | None = None
    async for answers in news(pool):
        view = merged(answers)
        told = _lasting(status_dict(view))
        if told != shown:
            shown = told
            screen.print(pool_table(view, judge_pool(view)), "")


def _lasting(told: dict[str, Any]) -> dict[str, Any]:
    """What is a change when it differs: everything but how long ago somebody was heard."""
    kept = copy.deepcopy(told)
    for row in kept["members"]:
        row.pop("last_heard_seconds")
    return kept


async def _live(pool: PoolView, screen: Console) -> None:
    newest: Answers | None = None  # The newest that somebody gave.
    silent_since: float | None = None

    def draw() -> RenderableType:
        return picture(newest, silent_since, boottime())

    with Live(get_renderable=draw, console=screen, auto_refresh=False) as live:

        async def tick() -> None:
            while True:
                await asyncio.sleep(REFRESH_SECONDS)
                live.refresh()

        ticking = asyncio.create_task(tick())
        try:
            async for answers in news(pool):
                if answers.replies:
                    newest, silent_since = answers, None
                else:
                    silent_since = silent_since or answers.at
                live.refresh()
        finally:
            ticking.cancel()


def picture(newest: Answers | None, silent_since: float | None, now: float) -> RenderableType:
    """The screen: the table, and below it how old it is."""
    if newest is None:
        words = "asking …" if silent_since is None else "nobody has answered yet"
        return Text(words, style="bold red" if silent_since is not None else "dim")
    view = merged(newest)
    old = now - newest.at
    if old > STALE_SECONDS or silent_since is not None:
        banner = Text(
            f"STALE: nobody answers; this was so {age(old)} ago", style="bold white on red"
        )
        table = pool_table(view, judge_pool(view))
        return Group(banner, Styled(table, "dim"), Text("Ctrl-C ends", style="dim"))
    source = f"said by {view.answered_by}" + ("" if newest.local else " and others over the net")
    foot = Text(f"{age(max(old, 0))} old, {source}; Ctrl-C ends", style="dim")
    return Group(pool_table(view, judge_pool(view)), foot)
