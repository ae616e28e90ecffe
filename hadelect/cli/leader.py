"""`hadelect leader`: one word for scripts."""

import asyncio
import json
import sys

import click

from hadelect.cli.client import Answers, ask, boottime
from hadelect.cli.failures import Exit
from hadelect.cli.merge import leaders, merged
from hadelect.cli.options import Source, config_options, format_option
from hadelect.cli.whom import pool_of
from hadelect.config.model import PoolView

RETRY_SECONDS = 0.2


@click.command()
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    default=0.0,
    help="Wait so long for a leader.",
)
@format_option
@config_options
def leader(wait: float, form: str, config: str | None, settings: tuple[str, ...]) -> None:
    """Print the leader's HAD_LIST entry and nothing else.

    Exit code: 0, 1 if there is none (or more than one), 3 if nobody answered.
    """
    name, code = asyncio.run(_ask_for_leader(pool_of(Source(config, settings)), wait))
    if form == "json":
        click.echo(json.dumps({"leader": name or None}))
    elif name:
        click.echo(name)
    sys.exit(code)


async def _ask_for_leader(pool: PoolView, wait: float) -> tuple[str, Exit]:
    until = boottime() + wait
    while True:
        name, code = _leader_of(await ask(pool))
        if name or boottime() + RETRY_SECONDS > until:
            return name, code
        await asyncio.sleep(RETRY_SECONDS)


def _leader_of(answers: Answers) -> tuple[str, Exit]:
    if not answers.replies:
        return "", Exit.NOBODY
    found = leaders(merged(answers))
    if len(found) != 1:
        return "", Exit.NONE
    return found[0].member, Exit.OK
