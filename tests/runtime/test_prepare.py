"""What stops a start: all of it at once, one line each, with the remedy."""

import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from hadelect.config.model import Address, LogSpec, TlsSpec
from hadelect.runtime import listening
from hadelect.runtime.arguments import Arguments, UsageError, parse
from hadelect.runtime.listening import ANY, Place, PortError, place_of
from hadelect.runtime.member import Member, Surroundings
from hadelect.runtime.prepare import Prepared, StartRefused, prepare
from hadelect.runtime.systemd import Notifier
from tests.runtime.pool import addresses, config_of, taken


def put_away(prepared: Prepared) -> None:
    prepared.store.close(1)
    prepared.udp.close()
    prepared.log.close()
    prepared.history.close()


def test_everything_wrong_is_said_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """State directory, port, certificate and log: four lines."""
    monkeypatch.setattr(listening, "TRY_SECONDS", 0.0)
    with taken(socket.SOCK_DGRAM) as port:
        me = Address(f"127.0.0.1:{port}", "127.0.0.1", port)
        gone = tmp_path / "gone"
        config = replace(
            config_of(me, (me,), tmp_path),
            state_dir=Path("/proc/hadelect"),
            tls=TlsSpec(gone, gone, gone),
            log=LogSpec(path=gone / "log"),
        )
        with pytest.raises(StartRefused) as refused:
            prepare(config)
    lines = refused.value.problems
    assert len(lines) == 4
    for line, words in zip(
        sorted(lines), ("in use", "HAD_LOG", "/proc/hadelect", "HAD_TLS"), strict=True
    ):
        assert words in line


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_port_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: socket.SocketKind
) -> None:
    """TCP or UDP: the port, and how to find who has it."""
    monkeypatch.setattr(listening, "TRY_SECONDS", 0.0)
    with taken(kind) as port:
        me = Address(f"127.0.0.1:{port}", "127.0.0.1", port)
        with pytest.raises(StartRefused, match=rf"port {port} .*in use.*ss -lnp"):
            prepare(config_of(me, (me,), tmp_path))


async def test_the_doors_that_open_later_are_checked_too(tmp_path: Path) -> None:
    """HTTP port in use and a control socket of another HAD: both lines at once."""
    (me,) = addresses(1)
    sock = tmp_path / "c.sock"
    with taken(socket.SOCK_STREAM) as port, socket.socket(socket.AF_UNIX) as other:
        other.bind(str(sock))
        other.listen()
        config = replace(
            config_of(me, (me,), tmp_path), http_address=("127.0.0.1", port), control_socket=sock
        )
        prepared = prepare(config)
        member = Member(prepared, Surroundings(lambda: None, Notifier({})))
        with pytest.raises(PortError) as refused:
            await member.start()
        put_away(prepared)
    assert "HAD_CONTROL_SOCKET" in str(refused.value)
    assert f"HAD_HTTP_ADDRESS: 127.0.0.1:{port}: address already in use" in str(refused.value)


async def test_a_control_socket_with_too_long_a_path(tmp_path: Path) -> None:
    """The kernel allows 107 bytes: said with the remedy."""
    (me,) = addresses(1)
    config = replace(config_of(me, (me,), tmp_path), control_socket=tmp_path / ("x" * 120))
    prepared = prepare(config)
    member = Member(prepared, Surroundings(lambda: None, Notifier({})))
    with pytest.raises(PortError, match="longer than 107 bytes"):
        await member.start()
    put_away(prepared)


async def test_a_socket_left_behind_is_replaced_and_closed_to_others(tmp_path: Path) -> None:
    """A dead member's socket file is no obstacle; the new one has mode 0660."""
    (me,) = addresses(1)
    config = config_of(me, (me,), tmp_path)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(config.control_socket))
    prepared = prepare(config)
    member = Member(prepared, Surroundings(lambda: None, Notifier({})))
    await member.start()
    assert os.stat(config.control_socket).st_mode & 0o777 == 0o660  # noqa: PTH116 - a socket
    await member._server.stop(0)
    member.datagrams.close()
    if member._http is not None:
        member._http.close()
    put_away(prepared)


def test_the_list_in_force_outlives_the_configuration(tmp_path: Path) -> None:
    """Another HAD_LIST in the file: the durable one stays, with a warning; a reset takes it."""
    old = addresses(3)
    put_away(prepare(config_of(old[0], old, tmp_path)))
    proposal = (old[0], *addresses(1))
    config = config_of(old[0], proposal, tmp_path)
    kept = prepare(config)
    assert kept.rules.identity.members == tuple(a.name for a in old)
    assert {a.name for a in kept.membership.addresses} == {a.name for a in old[1:]}
    assert "--reset-membership" in kept.config.warnings[-1]
    put_away(kept)
    taken_over = prepare(config, reset_membership=True)
    assert taken_over.rules.identity.members == tuple(a.name for a in proposal)
    assert not taken_over.config.warnings
    put_away(taken_over)


def test_a_member_that_the_list_in_force_does_not_know(tmp_path: Path) -> None:
    """Its own entry is new: refused with the remedy."""
    first, second = addresses(2)
    put_away(prepare(config_of(first, (first,), tmp_path)))
    config = replace(config_of(second, (second,), tmp_path), state_dir=tmp_path / str(first.port))
    with pytest.raises(StartRefused, match="--reset-membership"):
        prepare(config)


def test_where_to_listen() -> None:
    """Our own address: there alone. A name, or an address behind a translation: everywhere."""
    assert place_of(Address("127.0.0.1:1", "127.0.0.1", 1)) == Place("127.0.0.1", 1)
    assert place_of(Address("cm1:1", "cm1", 1)) == Place(ANY, 1)
    assert place_of(Address("192.0.2.7:1", "192.0.2.7", 1)) == Place(ANY, 1)
    assert place_of(Address("localhost:1", "localhost", 1)).ip in ("127.0.0.1", "::1")


def test_the_daemons_arguments() -> None:
    """Those that `hadelect had` hands on."""
    line = "-p 51450 --config /x --set A=1 --set B=2 --member a:1 --reset-membership"
    assert parse(line.split()) == Arguments(51450, Path("/x"), ("A=1", "B=2"), "a:1", True)
    assert parse([]) == Arguments()


@pytest.mark.parametrize("line", ["-p x", "-p 0", "-p 70000", "--what", "stray", "--config"])
def test_other_arguments_are_refused(line: str) -> None:
    """With a hint where to look."""
    with pytest.raises(UsageError):
        parse(line.split())
