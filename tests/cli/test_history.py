"""`history`: of the file, of a member, of the pool; while it is written, rotated, damaged."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, Queue

import pytest

from hadelect.cli.instants import instant, stamp
from tests.cli.conftest import Terminal
from tests.cli.pool import Pool, healthy

NOW = datetime(2026, 11, 25, 17, 30, tzinfo=UTC)


VOTES = "votes of cm1:1, cm2:1"


def entry(time: str, member: str = "cm1:1", **more: object) -> str:
    plain = {
        "time": f"2026-01-01T{time}.000Z",
        "member": member,
        "term": 64,
        "role": "LEADER",
        "was": "ELECTION",
        "cause": "notice",
        "because": VOTES,
        "operator": None,
    }
    return json.dumps({**plain, **more}) + "\n"


def past(pool: Pool) -> Path:
    return pool.config.parent / "history"


def test_one_line_a_change_without_a_daemon(pool: Pool, hadelect: Terminal) -> None:
    """Term, cause, operator and reason, in the words of the log; the file is read."""
    why = "drained by an operator: disk"
    drained = entry("10:00:01", was=None, role="PASSIVE", cause=None, operator="alice", because=why)
    past(pool).write_text(entry("10:00:00") + drained)
    answer = hadelect("history")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.splitlines() == [
        f"2026-01-01T10:00:00.000Z  cm1:1  LEADER (was ELECTION), term 64: {VOTES} [cause notice]",
        f"2026-01-01T10:00:01.000Z  cm1:1  PASSIVE, term 64: {why} [by alice]",
    ]


def test_json_is_what_was_written(pool: Pool, hadelect: Terminal) -> None:
    """One object a line, every key."""
    past(pool).write_text(entry("10:00:00"))
    assert json.loads(hadelect("history", "--format", "json").out) == json.loads(entry("10:00:00"))


def test_since_and_until(pool: Pool, hadelect: Terminal) -> None:
    """From, included, to, not included."""
    past(pool).write_text("".join(entry(f"10:00:0{second}") for second in range(5)))
    bounds = ("--since", "2026-01-01T10:00:01", "--until", "2026-01-01T10:00:03Z")
    answer = hadelect("history", *bounds)
    assert [line[17:19] for line in answer.out.splitlines()] == ["01", "02"]
    assert "is no time; write 10m (ago)" in hadelect("history", "--since", "yesterday").err


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("10m", "2026-11-25T17:20:00.000Z"),
        ("1.5h", "2026-11-25T16:00:00.000Z"),
        ("2d", "2026-11-23T17:30:00.000Z"),
        ("2026-01-31", "2026-01-31T00:00:00.000Z"),
        ("2026-01-31 17:05", "2026-01-31T17:05:00.000Z"),
        ("2026-01-31T17:05:06.789Z", "2026-01-31T17:05:06.789Z"),
        ("17:05", "2026-11-25T17:05:00.000Z"),
        ("17", None),
        ("soon", None),
    ],
)
def test_instants(text: str, means: str | None) -> None:
    """As people write them; UTC."""
    found = instant(text, NOW)
    assert (stamp(found) if found else None) == means


def test_a_damaged_line_is_skipped_with_a_warning(pool: Pool, hadelect: Terminal) -> None:
    """Not JSON, not a change, no role of ours; the half line at the end, too."""
    junk = b'{"time": \n\xff\xfe\n[1]\n' + entry("10:00:01", role="KING").encode()
    whole = entry("10:00:00").encode() + junk + entry("10:00:02").encode()
    past(pool).write_bytes(whole + b'{"time": "2026-01')
    answer = hadelect("history")
    assert answer.code == 0
    assert [line[17:19] for line in answer.out.splitlines()] == ["00", "02"]
    assert "4 damaged lines skipped" in answer.err
    assert "the last line is half-written" in answer.err


def test_the_rotated_file_is_read_first(pool: Pool, hadelect: Terminal) -> None:
    """history.old, then history."""
    past(pool).with_name("history.old").write_text(entry("10:00:00"))
    past(pool).write_text(entry("10:00:01"))
    assert [line[17:19] for line in hadelect("history").out.splitlines()] == ["00", "01"]


def test_of_another_member(pool: Pool, hadelect: Terminal, tmp_path: Path) -> None:
    """Asked on its port, piece by piece; who does not answer is an exit 3."""
    there = tmp_path / "there"
    there.write_text("".join(entry(f"10:00:{second:02}") for second in range(20)))
    pool.remote(0, healthy(pool.names, pool.names[0])).past = there
    answer = hadelect("history", "--member", pool.names[0])
    assert (answer.code, answer.err) == (0, "")
    assert len(answer.out.splitlines()) == 20
    answer = hadelect("history", "--member", pool.names[1])
    assert answer.code == 3
    assert "nothing runs there" in answer.err


def test_of_the_pool_merged_by_time(pool: Pool, hadelect: Terminal, tmp_path: Path) -> None:
    """Names tell whose line it is; wall clocks that differ, and who did not answer, are named."""
    for number, seconds in ((0, (0, 2)), (1, (1, 3))):
        file = tmp_path / f"past{number}"
        file.write_text("".join(entry(f"10:00:0{s}", pool.names[number]) for s in seconds))
        member = pool.remote(number, healthy(pool.names, pool.names[number]))
        member.past, member.clock_ahead = file, 90.0 * number
    answer = hadelect("history", "--pool")
    assert answer.code == 0
    told = [(line[17:19], line.split()[1]) for line in answer.out.splitlines()]
    one, two, three = pool.names
    assert told == [("00", one), ("01", two), ("02", one), ("03", two)]
    assert "merged by each member's own wall clock" in answer.err
    assert f"{two}: its wall clock is 90.0 s ahead of this machine's" in answer.err
    assert f"{three}: its history cannot be read" in answer.err
    assert hadelect("history", "--pool", "--member", one).code == 2


def test_no_history_here(pool: Pool, hadelect: Terminal) -> None:
    """Another machine: the remedy; a member that changed nothing yet: an empty answer."""
    answer = hadelect("history", "--set", "HAD_STATE_DIR=/nowhere/at/all")
    assert answer.code == 3
    assert "name one with --member" in answer.err
    answer = hadelect("history")
    assert (answer.code, answer.out) == (0, "")


@contextmanager
def following(pool: Pool, *options: str) -> Iterator["Queue[str]"]:
    """`history --follow` in a process of its own; its lines as they come."""
    command = [sys.executable, "-m", "hadelect.cli.main", "history", "--follow"]
    command += ["--config", str(pool.config), *options]
    lines: Queue[str] = Queue()
    env = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env
    ) as process:
        assert process.stdout is not None
        stdout = process.stdout
        reader = threading.Thread(target=lambda: deque(map(lines.put, stdout), maxlen=0))
        reader.start()
        yield lines
        process.terminate()
        reader.join()


def test_follow_survives_rotation_and_restarts(pool: Pool) -> None:
    """What comes is shown once, in order: through a half line, a rotation, a new life."""
    file = past(pool)
    file.write_text(entry("10:00:00"))
    with following(pool) as lines:
        assert lines.get(timeout=20)[17:19] == "00"
        half = entry("10:00:01")
        with file.open("a") as writer:
            writer.write(half[:30])
            writer.flush()
            with pytest.raises(Empty):
                lines.get(timeout=1.2)
            writer.write(half[30:] + entry("10:00:02"))
            writer.flush()
            assert [lines.get(timeout=5)[17:19] for _ in range(2)] == ["01", "02"]
            writer.write(entry("10:00:03"))
        file.rename(file.with_name("history.old"))
        file.write_text(entry("10:00:04"))
        assert [lines.get(timeout=5)[17:19] for _ in range(2)] == ["03", "04"]


def test_follow_of_a_member_that_restarts(pool: Pool, tmp_path: Path) -> None:
    """While it is down that is said once; then it goes on where it was."""
    there = tmp_path / "there"
    there.write_text(entry("10:00:00"))
    first = pool.remote(0, healthy(pool.names, pool.names[0]))
    first.past = there
    with following(pool, "--member", pool.names[0]) as lines:
        assert lines.get(timeout=20)[17:19] == "00"
        pool.kill(first)
        assert "its history cannot be read" in lines.get(timeout=10)
        with there.open("a") as writer:
            writer.write(entry("10:00:01"))
        second = pool.remote(0, healthy(pool.names, pool.names[0]))
        second.past = there
        assert "is read again" in lines.get(timeout=10)
        assert lines.get(timeout=10)[17:19] == "01"


def test_who_may_not_read_the_file_asks_the_member(pool: Pool) -> None:
    """Through its socket; and is told both reasons if nobody is there either."""
    file = past(pool)
    file.write_text(entry("10:00:00"))
    file.chmod(0)
    if shutil.which("setpriv") is None or os.getuid() != 0:
        pytest.skip("needs root and setpriv to give up root's right to read everything")
    command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", sys.executable]
    command += ["-m", "hadelect.cli.main", "history", "--config", str(pool.config)]

    def asked() -> "subprocess.CompletedProcess[str]":
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    answer = asked()
    assert answer.returncode == 3
    assert f"you may not read {file}, and no member runs here" in answer.stderr
    pool.member(healthy(pool.names, pool.names[1])).past = file
    answer = asked()
    assert (answer.returncode, answer.stdout[17:19]) == (0, "00")
