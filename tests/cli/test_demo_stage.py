"""The stage of the demo: configurations that hadelect itself accepts, ports that are free."""

import json
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hadelect.cli import toy
from hadelect.cli.demo_stage import Stage, free_ports
from hadelect.config.load import load


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """In a directory whose name has a blank and a quote, as some people's have."""
    with tempfile.TemporaryDirectory(prefix="it's mine ") as home:
        monkeypatch.setattr("tempfile.tempdir", home)
        yield from staged()


def staged() -> Iterator[Stage]:
    with Stage(3, "majority", ("HAD_LEASE_DURATION=2",)) as made:
        yield made


def test_every_member_has_a_configuration_that_loads(stage: Stage) -> None:
    """Each file names its member; the pool, the scheduler and the settings are the same for all."""
    for number, member in enumerate(stage.members):
        config = load(member.config, environ={})
        assert config.me.name == member.name
        assert config.members[number] == config.me
        assert (config.arbitration, config.lease, config.http_address) == ("majority", 2.0, None)
        assert config.controllee.argv[1:] == ("-I", "-S", toy.__file__, str(stage.journal))
        assert config.state_dir == member.directory
        assert config.allow_unfenced is not stage.fenced
    assert len({member.directory for member in stage.members}) == 3


def test_a_long_way_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where TMPDIR is too long for a Unix socket, another directory is taken."""
    long = tmp_path / ("x" * 80)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    with Stage(2, "none", ()) as made:
        assert load(made.members[1].config, environ={}).me.name == made.members[1].name


def test_the_stage_is_struck() -> None:
    """Nothing is left of the directory, unless somebody wants to know why."""
    with Stage(2, "none", ()) as stage:
        directory = stage.directory
        assert directory.is_dir()
    assert not directory.exists()


def test_the_cause_is_read_from_the_history(stage: Stage) -> None:
    """Who leads a term and why is what that member's history says; junk in it is passed over."""
    (member, *_) = stage.members
    assert member.cause(65) == ""
    told = [
        {"term": 65, "role": "ELECTION", "cause": "silence"},
        {"term": 65, "role": "LEADER", "cause": "notice"},
        {"term": 129, "role": "LEADER", "cause": "resign"},
    ]
    lines = [json.dumps(entry) for entry in told]
    (member.directory / "history").write_text("\n".join(["{torn", *lines, '{"ter']))
    assert (member.cause(65), member.cause(129), member.cause(66)) == ("notice", "resign", "")


def test_free_ports() -> None:
    """Ports are all different, and free for TCP and UDP."""
    ports = free_ports(5)
    assert len(set(ports)) == 5
    for port in ports:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(type=kind) as probe:
                probe.bind(("127.0.0.1", port))
