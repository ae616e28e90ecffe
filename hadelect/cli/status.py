"""`hadelect status`: the pool as a table or as JSON, and an exit code for scripts."""

import asyncio
import json
import sys

import click

from hadelect.cli.client import ask
from hadelect.cli.merge import merged
from hadelect.cli.options import Source, config_options, format_option
from hadelect.cli.table import console, pool_table
from hadelect.cli.verdict import judge_pool
from hadelect.cli.watch import watch_pool
from hadelect.cli.whom import pool_of
from hadelect.runtime.status import status_dict


@click.command()
@click.option("--watch", is_flag=True, help="Stay, and show every change; Ctrl-C ends it.")
@format_option
@config_options
def status(watch: bool, form: str, config: str | None, settings: tuple[str, ...]) -> None:
    """Show the pool: who leads, who could, and which promise holds.

    Asks the member on this machine; if none answers, all of HAD_LIST at once. Exit code: 0 one
    leader with a running controllee, 1 degraded (it says how), 2 no leader or more than one,
    3 nobody answered.
    """
    pool = pool_of(Source(config, settings))
    if watch:
        watch_pool(pool, form)
        return
    view = merged(asyncio.run(ask(pool)))
    verdict = judge_pool(view)
    if form == "json":
        click.echo(json.dumps(status_dict(view), indent=2))
    else:
        console().print(pool_table(view, verdict))
    sys.exit(verdict.code)
