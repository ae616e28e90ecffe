"""`leader`, `handover`, `drain`, `undrain` against real servers."""

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from hadelect.cli.knock import knock
from hadelect.pb.control_pb2 import CommandReply, DrainRequest, HandoverRequest
from tests.cli.conftest import Terminal
from tests.cli.pool import Pool, healthy, leading, row, view

ROOT = Path(__file__).parent.parent.parent


# --- leader --------------------------------------------------------------------------------------


def test_leader_prints_the_entry_and_nothing_else(pool: Pool, hadelect: Terminal) -> None:
    """The leader's HAD_LIST entry, one line, exit 0."""
    pool.member(healthy(pool.names, pool.names[2]))
    answer = hadelect("leader")
    assert (answer.code, answer.out, answer.err) == (0, f"{pool.names[0]}\n", "")
    assert hadelect("leader", "--format", "json").json == {"leader": pool.names[0]}


def test_no_leader(pool: Pool, hadelect: Terminal) -> None:
    """None is exit 1 and no output; two leaders are none."""
    one, two, three = pool.names
    member = pool.member(view(one, [row(one, 2), row(two, 1), row(three, 0)]))
    assert (hadelect("leader").code, hadelect("leader").out) == (1, "")
    member.change(view(one, [leading(one, 2), leading(two, 1, term=65), row(three, 0)]))
    assert (hadelect("leader").code, hadelect("leader").out) == (1, "")


def test_leader_of_nobody(pool: Pool, hadelect: Terminal) -> None:
    """Nobody answers: exit 3."""
    assert (hadelect("leader").code, hadelect("leader").out) == (3, "")


def test_leader_waits(pool: Pool, hadelect: Terminal) -> None:
    """--wait waits for a leader, and no longer than it takes."""
    member = pool.member(view(pool.names[0], [row(name, 0) for name in pool.names]))
    coming = threading.Timer(0.5, member.change, [healthy(pool.names, pool.names[0])])
    coming.start()
    answer = hadelect("leader", "--wait", "30")
    assert (answer.code, answer.out) == (0, f"{pool.names[0]}\n")
    assert answer.seconds < 15


# --- handover ------------------------------------------------------------------------------------


def test_handover_waits_until_the_controllee_runs(pool: Pool, hadelect: Terminal) -> None:
    """Exit 0 when the new leader's controllee runs, not when somebody agreed."""
    one, two, _ = pool.names
    member = pool.member(healthy(pool.names, one))
    starting = view(one, [row(one, 2), leading(two, 1, term=65, state="starting"), row("x:1", 0)])

    def move(_: HandoverRequest) -> CommandReply:
        member.change(starting)
        threading.Timer(0.5, member.change, [healthy(pool.names, one, leader=1)]).start()
        return CommandReply(ok=True, text=f"handed over to {two}", leader=two)

    member.on_handover = move
    answer = hadelect("handover", "--to", two, "--reason", "kernel update")
    assert (answer.code, answer.out) == (0, f"handed over to {two}\n")
    assert answer.seconds >= 0.5
    (request,) = member.asked
    assert isinstance(request, HandoverRequest)
    assert (request.to, request.reason, request.operator) == (two, "kernel update", "alice")
    assert (request.wait_seconds, request.dry_run, request.force) == (30, False, False)


def test_handover_refused(pool: Pool, hadelect: Terminal) -> None:
    """A refusal is exit 1, the reason on stderr."""
    member = pool.member(healthy(pool.names, pool.names[0]))
    member.on_handover = lambda _: CommandReply(ok=False, text="nobody else is fit")
    answer = hadelect("handover")
    assert (answer.code, answer.out) == (1, "")
    assert answer.err == "hadelect: refused: nobody else is fit\n"
    told = hadelect("handover", "--format", "json")
    assert (told.code, told.json["ok"], told.json["text"]) == (1, False, "nobody else is fit")


def test_handover_that_does_not_arrive(pool: Pool, hadelect: Terminal) -> None:
    """Agreed, but nothing runs anywhere within --wait: exit 1 and where to look."""
    one, two, three = pool.names
    member = pool.member(healthy(pool.names, one))
    late = view(one, [row(one, 2), leading(two, 1, term=65, state="starting"), row(three, 0)])

    def move(_: HandoverRequest) -> CommandReply:
        member.change(late)
        return CommandReply(ok=True, leader=two)

    member.on_handover = move
    answer = hadelect("handover", "--wait", "0.5")
    assert answer.code == 1
    assert f"{two} leads, but NEGOTIATOR is not running there yet (starting)" in answer.err


def test_a_dry_run_waits_for_nothing(pool: Pool, hadelect: Terminal) -> None:
    """--dry-run says what would be done, and exits as the real thing would begin."""
    member = pool.member(healthy(pool.names, pool.names[0]))
    member.on_handover = lambda asked: CommandReply(ok=asked.dry_run, text="would move")
    answer = hadelect("handover", "--dry-run")
    assert (answer.code, answer.out) == (0, "would move\n")


def test_handover_to_a_stranger(pool: Pool, hadelect: Terminal) -> None:
    """Whom HAD_LIST does not name is refused before anybody is asked, with the names."""
    member = pool.member(healthy(pool.names, pool.names[0]))
    answer = hadelect("handover", "--to", "10.77.0.99:1")
    assert answer.code == 1
    assert "10.77.0.99:1 is not in HAD_LIST; name one of " + pool.names[0] in answer.err
    answer = hadelect("handover", "--to", "127.0.0.1")
    assert "127.0.0.1 names more than one member" in answer.err
    assert member.asked == []


# --- drain ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("command, undrain", [("drain", False), ("undrain", True)])
def test_drain(pool: Pool, hadelect: Terminal, command: str, undrain: bool) -> None:
    """The order goes out with who gave it and why; exit 0 and the member's words."""
    member = pool.member(healthy(pool.names, pool.names[0]))
    member.on_drain = lambda asked: CommandReply(ok=True, text=f"as you say, {asked.operator}")
    answer = hadelect(command, pool.names[1], "--reason", "disk swap")
    assert (answer.code, answer.out) == (0, "as you say, alice\n")
    (request,) = member.asked
    assert isinstance(request, DrainRequest)
    assert (request.member, request.undrain) == (pool.names[1], undrain)
    assert (request.reason, request.operator) == ("disk swap", "alice")


def test_drain_refused(pool: Pool, hadelect: Terminal) -> None:
    """A refusal is exit 1."""
    member = pool.member(healthy(pool.names, pool.names[0]))
    member.on_drain = lambda _: CommandReply(ok=False, text="a witness never leads")
    answer = hadelect("drain", pool.names[1])
    assert (answer.code, answer.err) == (1, "hadelect: refused: a witness never leads\n")


# --- nobody behind the socket --------------------------------------------------------------------


@pytest.mark.parametrize("words", [["handover"], ["drain", "0"], ["undrain", "0"]])
def test_orders_need_a_member_here(pool: Pool, hadelect: Terminal, words: list[str]) -> None:
    """Without a local member: exit 3, what is missing and what to do, in one line."""
    command, *rest = words
    answer = hadelect(command, *(pool.names[int(i)] for i in rest))
    assert answer.code == 3
    (line,) = answer.err.splitlines()
    assert line.startswith(f"hadelect: no member runs here: {pool.socket} does not exist; ")
    assert "start `hadelect had` there" in line


def test_a_socket_that_was_left_behind(pool: Pool, hadelect: Terminal) -> None:
    """A dead member's socket is told from none."""
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(pool.socket))
    answer = hadelect("handover")
    assert answer.code == 3
    assert "nobody listens on" in answer.err


@pytest.mark.skipif(os.getuid() != 0, reason="becomes another user to be refused")
def test_a_socket_that_one_may_not_use(pool: Pool) -> None:
    """Who is not in the socket's group is told so, and what to do."""
    pool.member(healthy(pool.names, pool.names[0]))
    pool.socket.chmod(0o660)
    for directory in [pool.config.parent, *pool.config.parent.parents][:4]:
        if directory != Path("/tmp"):
            directory.chmod(0o755)
    script = (
        "import os, sys; from hadelect.cli import handover, orders; "
        "from hadelect.config import load; from hadelect.cli.main import main;"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534);"
        f"sys.argv[1:] = ['handover', '--config', {str(pool.config)!r}]; main()"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert answer.returncode == 1, answer.stderr
    assert answer.stderr == (
        f"hadelect: you may not use {pool.socket}; "
        "run this as root or as a member of the socket's group\n"
    )


def test_a_path_too_long_for_a_socket(tmp_path: Path) -> None:
    """A path that no Unix socket can have is a configuration error with the remedy."""
    closed = knock(tmp_path / ("x" * 200))
    assert closed is not None
    assert closed.exit_code == 78
    assert "HAD_CONTROL_SOCKET" in closed.remedy


def test_a_member_that_dies_meanwhile(pool: Pool, hadelect: Terminal) -> None:
    """The member goes away in the middle of an order: one line, exit 3."""
    member = pool.member(healthy(pool.names, pool.names[0]))
    going = threading.Event()

    def die(_: DrainRequest) -> CommandReply:
        going.set()
        member.changed.acquire(timeout=0.1)
        return CommandReply(ok=True)

    member.on_drain = die

    def kill() -> None:
        going.wait(10)
        pool.kill(member)

    killer = threading.Thread(target=kill)
    with member.changed:
        killer.start()
        answer = hadelect("drain", pool.names[1])
    killer.join()
    assert answer.code in {1, 3}
    assert len(answer.err.splitlines()) == 1
