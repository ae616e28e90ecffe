"""`hadelect state` against a daemon that runs."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hadelect.cli.main import cli
from hadelect.cli.state_table import size
from tests.replication.pool import Had, Running, pool, until


async def typed(one: Running, *words: str) -> Result:
    """`hadelect state WORDS` on that daemon's machine."""
    config = one.daemon.config
    sets = (
        *("--set", f"HAD_LIST={', '.join(member.name for member in config.members)}"),
        *("--set", f"HAD_STATE_DIR={config.state_dir}", "--config", "/dev/null"),
    )
    return await asyncio.to_thread(CliRunner().invoke, cli, ["state", *words, *sets])


async def test_list_shows_versions_and_who_has_which(tmp_path: Path) -> None:
    """The same for people and for programs: what is held here and there, and what is wrong."""
    async with pool(tmp_path) as (leader, backup), Had(leader.daemon) as had:
        (leader.root / "job").write_bytes(b"x" * 2048)
        await had.leads(7)
        await until(lambda: backup.content() == leader.content() != {})
        await until(lambda: backup.daemon.shown.reply().versions)
        table = await typed(backup, "list")
        assert table.exit_code == 0
        assert "holds version 7.1" in table.stdout
        assert "2.0 KiB" in table.stdout
        assert "is `hadelect had` running?" in table.stdout
        said: Any = json.loads((await typed(leader, "list", "--format", "json")).stdout)
        assert said["versions"][0]["version"]["term"] == 7
        assert said["peers"][0]["reachable"] is True
        assert said["leads"] is True


async def test_show_names_what_a_version_holds(tmp_path: Path) -> None:
    """A version that is not kept is refused, and those that are kept are named."""
    async with pool(tmp_path) as (leader, _), Had(leader.daemon) as had:
        (leader.root / "job").write_bytes(b"x")
        await had.leads(7)
        await until(lambda: leader.store.held)
        shown = await typed(leader, "show", "7.1", "--format", "json")
        found = {(entry["path"], entry["kind"]) for entry in json.loads(shown.stdout)}
        assert found == {("", "directory"), ("job", "file")}
        refused = await typed(leader, "show", "9.9")
        assert refused.exit_code == 1
        assert "9.9 is not kept here; there is: 7.1" in refused.stderr


async def test_orders_are_answered(tmp_path: Path) -> None:
    """What the policy refuses is exit 1 with its words."""
    async with pool(tmp_path) as (one, _):
        answer = await typed(one, "accept", "--accept-loss", "--reason", "the disk burnt")
        assert (answer.exit_code, answer.stderr) == (1, "hadelect: refused: not by this policy\n")


async def test_accept_wants_one_consent(tmp_path: Path) -> None:
    """Neither or both is a mistake on the command line, 64 and not an answer's code."""
    async with pool(tmp_path) as (one, _):
        answer = await typed(one, "accept", "--reason", "x")
        assert answer.exit_code == 2  # click's own; main() makes it 64.
        assert "one of the two" in answer.output


def test_no_daemon(tmp_path: Path) -> None:
    """Nobody behind the socket: exit 3 and the remedy."""
    sets = ("--set", "HAD_LIST=localhost:1", "--set", f"HAD_STATE_DIR={tmp_path}")
    answer = CliRunner().invoke(cli, ["state", "list", "--config", "/dev/null", *sets])
    assert answer.exit_code == 3
    assert "start `hadelect replication`" in answer.stderr


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (3 << 30, "3.0 GiB"), (5 << 40, "5.0 TiB")],
)
def test_sizes(number: int, words: str) -> None:
    """As short as a column wants it."""
    assert size(number) == words
