"""`hadelect demo`: a pool on loopback, its leaders hit by turns, every failover measured.

Law: the demo only starts, hits and reads: members find their leader by themselves, and what is
counted at the end is what the schedulers wrote in their journal.
"""

import asyncio
import signal
import sys
import time
from dataclasses import dataclass, field
from itertools import cycle

import click

from hadelect.cli.client import ask_all
from hadelect.cli.demo_blows import mend, strike
from hadelect.cli.demo_screen import Screen
from hadelect.cli.demo_stage import Stage
from hadelect.cli.demo_story import Blow, Failover, Summary, released_by, take_over
from hadelect.cli.failures import Exit, Failure
from hadelect.cli.journal import Gap, Run, Tail, judge
from hadelect.cli.merge import merged
from hadelect.cli.options import Setting, Source
from hadelect.cli.verdict import judge_pool
from hadelect.cli.whom import pool_of
from hadelect.config.model import PoolView

START_SECONDS = 20.0  # Until somebody leads, on the slowest machine.
TAKE_OVER_SECONDS = 10.0  # Ten leases: nobody will any more.
WHOLE_SECONDS = 20.0  # Until all members take part again.
LOOK_SECONDS = 0.02


@click.command()
@click.option(
    "--members", type=click.IntRange(2, 9), default=3, show_default=True, help="How many members."
)
@click.option(
    "--kill-every",
    type=click.FloatRange(min=0.5),
    metavar="SECONDS",
    default=3.0,
    show_default=True,
    help="From one blow to the next, if all members are back by then.",
)
@click.option(
    "--for",
    "length",
    type=click.FloatRange(min=1),
    metavar="SECONDS",
    default=30.0,
    show_default=True,
    help="How long.",
)
@click.option(
    "--arbitration",
    type=click.Choice(["majority", "none"]),
    default="majority",
    show_default=True,
    help="What gives the right to lead.",
)
@click.option("--set", "settings", multiple=True, type=Setting(), help="One more variable.")
def demo(
    members: int, kill_every: float, length: float, arbitration: str, settings: tuple[str, ...]
) -> None:
    """See failovers on this machine, with a toy scheduler, and have them measured.

    Starts members on loopback, hits the leader by turns (SIGKILL to its daemon, SIGKILL to its
    supervisor, SIGSTOP to its daemon, SIGTERM), and counts from the schedulers' own journal.
    Exit code: 0 if every blow was answered by a failover and never two schedulers ran, else 1.
    """
    if arbitration == "majority" and members == 2:
        raise click.UsageError(
            "a majority of 2 is 2, so nobody could take over; say --members 3 or --arbitration none"
        )
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # Ends as Ctrl-C does.
    signal.signal(signal.SIGHUP, signal.default_int_handler)
    with Stage(members, arbitration, settings) as stage:
        show = Show(stage, kill_every, length)
        try:
            asyncio.run(show.run())
            code = Exit.OK
        except KeyboardInterrupt:
            code = Exit.INTERRUPTED
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # What was started is ended first.
            stage.end()
        sys.exit(_verdict(stage, show, code))


@dataclass
class Show:
    """One demonstration; `done` grows by one failover a blow."""

    stage: Stage
    kill_every: float
    length: float
    done: list[Failover] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pool: PoolView = pool_of(Source(str(self.stage.members[0].config)))
        self.screen = Screen(self.pool)
        self.tail = Tail(self.stage.journal)

    async def run(self) -> None:
        """Until its time is over. Raises Failure if members cannot start."""
        until = time.monotonic() + self.length
        async with self.screen.live():
            self._introduce()
            self.stage.start()
            first = await self._first_leader()
            self.screen.say(f"{first.member} leads: its scheduler writes to the journal", "green")
            for blow in cycle(Blow):
                next_blow = time.monotonic() + self.kill_every
                await self._whole()
                await asyncio.sleep(max(0.0, next_blow - time.monotonic()))
                if time.monotonic() > until:
                    return
                await self._hit(blow)

    def _introduce(self) -> None:
        say = self.screen.say
        names = ", ".join(member.name for member in self.stage.members)
        say(f"starting {len(self.stage.members)} members: {names}")
        say(f"ask them: hadelect status --config {self.stage.members[0].config}")
        if not self.stage.fenced:
            say(
                "no right to make PID namespaces here (not root?): schedulers are ended through a "
                "cgroup or a subreaper, which a double SIGKILL may defeat",
                "yellow",
            )

    async def _first_leader(self) -> Run:
        deadline = time.monotonic() + START_SECONDS
        while (run := self.tail.newest()) is None:
            self.stage.require_all_up()
            if time.monotonic() > deadline:
                self.stage.keep = True
                raise Failure(
                    f"nobody leads after {START_SECONDS:g} s; see {self.stage.directory}",
                    Exit.REFUSED,
                )
            await asyncio.sleep(LOOK_SECONDS)
        return run

    async def _whole(self) -> None:
        """Wait until all members are back; a demo that hits a crippled pool shows nothing."""
        deadline = time.monotonic() + WHOLE_SECONDS
        while True:
            verdict = judge_pool(merged(await ask_all(self.pool)))
            if verdict.code == Exit.OK:
                return
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(5 * LOOK_SECONDS)
        faults = "; ".join(verdict.because) or verdict.line
        self.screen.say(f"not all members are back: {faults}", "yellow")

    async def _hit(self, blow: Blow) -> None:
        """One blow, its measure, and the repair."""
        old = self.tail.newest()
        assert old is not None
        member = self.stage.member(old.member)
        self.tail.forget()
        struck = strike(member, blow)
        self.screen.say(f"{blow.value} of {member.name}, leader of term {old.term}", "red")
        gap = await self._taken_over(old)
        cause = await self._cause(gap.after) if gap else ""
        failover = Failover(blow, member.name, gap, released_by(cause))
        self.done.append(failover)
        self.screen.say(f"  {failover.words}", "green" if failover.happened else "bold red")
        await mend(member, blow, struck)

    async def _taken_over(self, old: Run) -> Gap | None:
        deadline = time.monotonic() + TAKE_OVER_SECONDS
        while time.monotonic() < deadline:
            if gap := take_over(self.tail.lines(), old):
                return gap
            await asyncio.sleep(LOOK_SECONDS)
        return None

    async def _cause(self, run: Run) -> str:
        """From the new leader's history, which is written a moment after the fact."""
        for _ in range(50):
            if cause := self.stage.member(run.member).cause(run.term):
                return cause
            await asyncio.sleep(LOOK_SECONDS)
        return ""


def _verdict(stage: Stage, show: Show, code: Exit) -> Exit:
    """The summary, from the whole journal, after the last scheduler ended."""
    summary = Summary(tuple(show.done), judge(stage.journal.read_text()))
    if show.done:
        show.screen.end(summary.lines(), "" if summary.good else "red")
    if summary.good or (code == Exit.INTERRUPTED and not show.done):
        return code
    stage.keep = True
    click.echo(f"hadelect: logs and journal are kept: {stage.directory}", err=True)
    return Exit.REFUSED
