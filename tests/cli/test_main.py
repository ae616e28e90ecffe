"""The command itself: quick, and never a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from hadelect import __version__
from hadelect.cli.had import supervisor_argv
from hadelect.cli.main import COMMANDS, cli

ROOT = Path(__file__).parent.parent.parent


def typed(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command line in a process of its own, as a shell would start it."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "hadelect.cli.main", *words],
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_help_names_every_command() -> None:
    """`hadelect --help` lists all commands with what they do."""
    answer = typed("--help")
    assert answer.returncode == 0
    for name, (_, _, about) in COMMANDS.items():
        assert f"  {name}" in answer.stdout
        assert about in answer.stdout


def test_version() -> None:
    """`--version` prints the version."""
    assert typed("--version").stdout == f"hadelect {__version__}\n"


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["had", "--help"]])
def test_what_does_not_talk_does_not_load_grpc(words: list[str]) -> None:
    """Help, version and `had` import neither gRPC nor rich."""
    script = (
        "import sys, atexit\n"
        "from hadelect.cli.main import main\n"
        "atexit.register(lambda: sys.stderr.write(\n"
        "    ' '.join(sorted({'grpc', 'rich', 'asyncio'} & set(sys.modules)))))\n"
        f"sys.argv[1:] = {words!r}\n"
        "main()\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (answer.returncode, answer.stderr) == (0, "")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    """Every command explains itself."""
    answer = CliRunner().invoke(cli, [name, "--help"])
    assert answer.exit_code == 0, answer.output
    assert "Usage: " in answer.output


@pytest.mark.parametrize(
    "words, complaint",
    [
        (["bogus"], "No such command 'bogus'"),
        (["status", "--set", "HAD_PRESET"], "is not NAME=VALUE"),
        (["status", "--format", "xml"], "'xml' is not one of"),
        (["had", "-p", "0"], "0 is not in the range"),
        (["drain"], "Missing argument 'MEMBER'"),
        (["handover", "--force"], "--force needs --reason"),
        (["leader", "--wait", "long"], "'long' is not a valid float"),
    ],
)
def test_usage_errors(words: list[str], complaint: str) -> None:
    """A mistyped command line exits 64, which no script takes for an answer of `status`."""
    answer = typed(*words)
    assert answer.returncode == 64
    assert complaint in answer.stderr
    assert answer.stdout == ""
    assert len(answer.stderr.splitlines()) == 1, answer.stderr


def test_our_own_bug_is_one_line(tmp_path: Path) -> None:
    """An exception that nobody expected is one line that asks for a report, exit 70."""
    script = (
        "import sys\n"
        "from hadelect.cli import main as m\n"
        "m.COMMANDS['status'] = ('no.such.module', 'x', '')\n"
        "sys.argv[1:] = ['status']\n"
        "m.main()\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert answer.returncode == 70
    assert len(answer.stderr.splitlines()) == 1
    assert "please report" in answer.stderr


def test_a_reader_that_leaves() -> None:
    """`hadelect … | head -1` ends quietly."""
    line = f"{sys.executable} -P -m hadelect.cli.main --help | true; echo ${{PIPESTATUS[0]}}"
    answer = subprocess.run(
        ["bash", "-c", line],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (answer.stdout.strip(), answer.stderr) == ("1", "")


def test_had_becomes_the_supervisor() -> None:
    """`had` hands its options on to the supervisor, safe from the working directory."""
    assert supervisor_argv("/usr/bin/python3", ("-p", "51450")) == [
        *("/usr/bin/python3", "-P", "-m", "hadelect.supervisor", "--", "-p", "51450")
    ]
