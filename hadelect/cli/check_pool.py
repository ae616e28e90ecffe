"""`hadelect check pool`: the running pool, judged for a monitoring system.

Law 1: every member is asked by itself, at once; the answer comes within two seconds.
Law 2: the first line and the exit code follow the convention of monitoring plug-ins: 0 ok,
       1 warning, 2 critical (no leader, two of them, two contents of one version of the state),
       3 unknown (nobody answered).
"""

import asyncio
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import combinations

import click

from hadelect.cli.check import Verdict
from hadelect.cli.client import ask_all, credentials_of, silence_of
from hadelect.cli.failures import Exit
from hadelect.cli.merge import merged
from hadelect.cli.options import Source, config_options, format_option
from hadelect.cli.table import age
from hadelect.cli.verdict import judge_pool
from hadelect.cli.whom import pool_of
from hadelect.config.model import PoolView
from hadelect.pb.control_pb2 import MemberStatus, StatusReply

WORTH_SAYING = 1.0  # Seconds that a copy is behind.


@dataclass(frozen=True, slots=True)
class PoolReport:
    """What `--format json` shows."""

    status: str
    summary: str
    critical: tuple[str, ...]
    warnings: tuple[str, ...]
    state: tuple[str, ...]  # Of each member that replicates: its copy, in words.

    def lines(self) -> list[str]:
        found = [f"critical: {text}" for text in self.critical]
        found += [f"warning: {text}" for text in self.warnings]
        found += [f"state: {text}" for text in self.state]
        return [f"{self.status.upper()}: {self.summary}", *found]


@click.command("pool")
@format_option
@config_options
def pool_command(form: str, **given: object) -> None:
    """Check the running pool: every member, what differs, every copy of the replicated state.

    Asks all of HAD_LIST, and every replication daemon whether it answers this machine.

    Exit code: 0 if all is well, 1 after warnings, 2 if no member leads or more than one, or if two
    hold different contents of one version, 3 if nobody answers.
    """
    report = asyncio.run(checked(pool_of(Source.of(given))))
    if form == "json":
        click.echo(json.dumps(asdict(report), indent=2))
    else:
        click.echo("\n".join(report.lines()))
    sys.exit(Verdict[report.status.upper()])


async def checked(pool: PoolView) -> PoolReport:
    answers, silent = await asyncio.gather(ask_all(pool), silent_daemons(pool))
    return report_of(merged(answers), silent, replicates=bool(pool.replication))


def report_of(view: StatusReply, silent: list[str], *, replicates: bool) -> PoolReport:
    verdict = judge_pool(view)
    if verdict.code == Exit.NOBODY:
        return PoolReport("unknown", verdict.line, (), tuple(view.warnings), ())
    rows = [row for row in view.members if row.reachable and not row.witness]
    critical = list(conflicts(rows))
    if verdict.code == Exit.NO_LEADER:
        critical.insert(0, verdict.line)
    said = [*verdict.because, *view.warnings, *versions(rows)]
    said += [*(copies(rows) if replicates else ()), *silent]
    warnings = tuple(dict.fromkeys(said))
    status = "critical" if critical else "warning" if warnings else "ok"
    state = tuple(copy_words(row) for row in rows if row.HasField("replica"))
    return PoolReport(status, verdict.line, tuple(critical), warnings, state)


def versions(rows: list[MemberStatus]) -> Iterator[str]:
    """Software that differs: meant to be so only for as long as an upgrade takes."""
    found = sorted({row.version for row in rows if row.version})
    for version in found if len(found) > 1 else ():
        who = ", ".join(row.member for row in rows if row.version == version)
        yield f"{who} run{'s' if ',' not in who else ''} hadelect {version}"


def conflicts(rows: list[MemberStatus]) -> Iterator[str]:
    """Two contents of one version: one of the two was forged, or damaged."""
    holders = [row for row in rows if row.HasField("replica") and row.replica.version]
    for one, other in combinations(holders, 2):
        same = one.replica.version == other.replica.version
        if same and one.replica.digest != other.replica.digest:
            yield f"{one.member} and {other.member} hold different states {one.replica.version}"


def copies(rows: list[MemberStatus]) -> Iterator[str]:
    """Members that keep no copy; what is wrong with a copy, its member says itself."""
    for row in rows:
        if not row.HasField("replica"):
            yield f"{row.member} replicates no state: HAD_USE_REPLICATION is not true there"


def copy_words(row: MemberStatus) -> str:
    """`cm2:51450 holds 7.42, 12 s behind`."""
    behind = row.replica.lag_seconds
    late = f", {age(behind)} behind" if behind >= WORTH_SAYING else ""
    problem = f"; {row.replica.problem}" if row.replica.problem else ""
    return f"{row.member} holds {row.replica.version or 'nothing yet'}{late}{problem}"


async def silent_daemons(pool: PoolView) -> list[str]:
    """Replication daemons that do not answer this machine."""
    credentials = credentials_of(pool.tls)
    found = await asyncio.gather(*(silence_of(one, credentials) for one in pool.replication))
    return [
        f"the replication daemon {silent.who} does not answer here: {silent.why}"
        for silent in found
        if silent is not None
    ]
