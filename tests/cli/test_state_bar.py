"""The bar of a transfer: on a terminal, and nowhere else."""

import os
import pty
import subprocess
import sys

import pytest

# A transfer that is half done, shown by a process of its own.
HALF = """\
from hadelect.cli.state_table import Bar
from hadelect.pb import replication_pb2 as pb
half = pb.Progress(version=pb.Version(term=65, sequence=7), bytes=512 << 20, of_bytes=1 << 30)
setattr(half, "from", "cm2:41450")
with Bar(quiet={quiet}) as bar:
    bar.show(pb.StateReply(progress=half))
"""


def shown(*, quiet: bool) -> str:
    """What somebody at a terminal sees."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    process = subprocess.Popen(
        [sys.executable, "-c", HALF.format(quiet=quiet)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
    )
    os.close(theirs)
    text = b""
    while True:
        try:
            text += (part := os.read(ours, 4096))
        except OSError:  # The other end is closed.
            break
        if not part:
            break
    os.close(ours)
    assert process.wait(10) == 0, text
    return text.decode()


def test_a_terminal_shows_how_far_a_transfer_is() -> None:
    """Which version, from whom, how much of how much."""
    text = shown(quiet=False)
    assert "65.7 from cm2:41450" in text
    assert "512.0/1024.0 MiB" in text or "0.5/1.0 GiB" in text


def test_whoever_wants_json_gets_no_bar() -> None:
    assert "cm2" not in shown(quiet=True)


@pytest.mark.parametrize("quiet", [False, True])
def test_a_pipe_gets_no_bar(*, quiet: bool) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HALF.format(quiet=quiet)], capture_output=True, check=True
    )
    assert (done.stdout, done.stderr) == (b"", b"")
