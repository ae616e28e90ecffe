"""What somebody sees of `hadelect demo`: a live table in a terminal, plain lines anywhere else."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from hadelect.cli.client import Answers, ask_all
from hadelect.cli.merge import merged
from hadelect.cli.table import console, pool_table
from hadelect.cli.verdict import judge_pool
from hadelect.config.model import PoolView

POLL_SECONDS = 0.5
ANSWER_SECONDS = 0.3  # A frozen member must not hold up the picture of the others.
RECENT = 10  # Lines below the table.


class Screen:
    """Takes lines as they happen, and draws the pool beside them where that is possible."""

    def __init__(self, pool: PoolView) -> None:
        self._pool = pool
        self._console: Console = console()
        self._start = time.monotonic()
        self._lines: list[Text] = []
        self._newest: Answers | None = None
        self._live: Live | None = None

    def say(self, text: str, style: str = "") -> None:
        line = Text(f"{time.monotonic() - self._start:6.2f} s  {text}", style=style)
        self._lines.append(line)
        if self._live is not None:
            self._live.refresh()
        else:
            self._console.print(line)

    def end(self, lines: list[str], style: str) -> None:
        """The summary, after the live part."""
        self._console.print()
        for line in lines:
            self._console.print(Text(line, style=style))

    @asynccontextmanager
    async def live(self) -> AsyncIterator[None]:
        """In a terminal: the table, until left. Afterwards all lines stand there once."""
        if not self._console.is_terminal:
            yield
            return
        live = Live(
            get_renderable=self._picture, console=self._console, auto_refresh=False, transient=True
        )
        try:
            with live:
                self._live = live
                polling = asyncio.create_task(self._poll(live))
                try:
                    yield
                finally:
                    polling.cancel()
                    with suppress(asyncio.CancelledError):
                        await polling
        finally:
            self._live = None
            for line in self._lines:
                self._console.print(line)

    async def _poll(self, live: Live) -> None:
        while True:
            self._newest = await ask_all(self._pool, ANSWER_SECONDS)
            live.refresh()
            await asyncio.sleep(POLL_SECONDS)

    def _picture(self) -> RenderableType:
        if self._newest is None:
            return Text("starting …", style="dim")
        view = merged(self._newest)
        del view.warnings[:]  # The lines below say what is done to them.
        blank = Text()
        return Group(pool_table(view, judge_pool(view)), blank, *self._lines[-RECENT:])
