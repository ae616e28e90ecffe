"""Transfers between daemons that go wrong, are slow, or are secured; real sockets, real stores."""

import asyncio
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hadelect.core.replication.events import Failure
from hadelect.core.replication.messages import Advert
from hadelect.core.versions import Version
from hadelect.core.vocabulary import Name, Term
from hadelect.replication import download, words
from hadelect.replication.download import PeerError
from hadelect.replication.manifest import BlockRef
from hadelect.replication.seal import Seal
from hadelect.replication.store import Store
from hadelect.replication.stream import Conversation, Pen
from tests.replication.pool import Had, Running, Settings, pool, until
from tests.runtime.test_reload import written
from tests.runtime.test_tls import certify

MIB = 1 << 20

Pieces = Callable[[Iterator[bytes]], Iterable[bytes]]


def first_only(pieces: Iterator[bytes]) -> Iterator[bytes]:
    first = next(pieces)
    return (first for _ in (first, *pieces))


def halved(pieces: Iterator[bytes]) -> Iterator[bytes]:
    return (piece[: len(piece) // 2] for piece in pieces)


def doubled(pieces: Iterator[bytes]) -> Iterator[bytes]:
    return (piece * 2 for piece in pieces)


@pytest.mark.parametrize(
    ("sends", "told"),
    [
        (lambda pieces: reversed(list(pieces)), "were asked for|wrong digest"),
        (first_only, "wrong digest"),
        (halved, "were asked for"),
        (doubled, "blocks of"),
        (lambda pieces: list(pieces)[:-1], "break off"),
    ],
    ids=["reordered", "replayed", "truncated", "oversized", "cut short"],
)
async def test_a_stream_that_is_not_what_it_should_be(
    sends: Pieces, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused in clear words, nothing of it goes live, and once the peer is sound again the
    same version arrives.
    """
    async with pool(tmp_path) as (leader, backup), Had(leader.daemon) as had:
        (leader.root / "job").write_bytes(os.urandom(3 * MIB))

        def read(version: Version, wanted: Iterable[BlockRef]) -> Iterator[bytes]:
            return iter(sends(Store.read(leader.store, version, wanted)))

        monkeypatch.setattr(leader.store, "read", read)
        await had.leads(7)
        await until(lambda: backup.state.failures)
        failed = backup.state.failures[0]
        assert failed.failure is Failure.PEER
        assert any(part in failed.because for part in told.split("|"))
        assert backup.content() == {}
        monkeypatch.undo()
        await fetched(leader, backup)


async def fetched(leader: Running, backup: Running) -> None:
    """As often as it takes."""
    line = leader.store.held
    assert line is not None
    while backup.store.received != line:
        try:
            await backup.daemon.downloads.fetch(leader.daemon.driver.rules.me, line)
        except PeerError:
            continue


async def test_a_peer_that_hangs_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer whose disk hangs sends nothing: the transfer ends, and says so."""
    monkeypatch.setattr(download, "IDLE_SECONDS", 0.2)
    goes_on = threading.Event()
    async with pool(tmp_path) as (leader, backup), Had(leader.daemon) as had:
        leader.store.altered = lambda piece: piece if goes_on.wait(30) else b""
        (leader.root / "job").write_bytes(os.urandom(MIB))
        await had.leads(7)
        await until(lambda: backup.state.failures)
        goes_on.set()
        assert "it sent nothing for 0.2 s" in backup.state.failures[0].because


async def test_a_transfer_that_takes_too_long_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """MAX_TRANSFER_LIFETIME ends it; what has come is not sent again."""
    slow: Settings = {"transfer_lifetime": 0.4, "rate_limit": 8 * MIB}
    async with pool(tmp_path, **slow) as (leader, backup), Had(leader.daemon) as had:
        (leader.root / "job").write_bytes(os.urandom(9 * MIB))
        await had.leads(7)
        await until(lambda: backup.state.failures)
        because = backup.state.failures[0].because
        assert "longer than MAX_TRANSFER_LIFETIME (0.4 s)" in because or "is over" in because
        await fetched(leader, backup)
        assert backup.daemon.metrics.bytes_in < 14 * MIB


async def test_the_rate_is_limited(tmp_path: Path) -> None:
    """REPLICATION_RATE_LIMIT: never faster than that, but for its burst; a reload lifts it."""
    loop = asyncio.get_running_loop()
    async with pool(tmp_path, rate_limit=4 * MIB) as (leader, backup), Had(leader.daemon) as had:
        (leader.root / "job").write_bytes(os.urandom(2 * MIB))
        began = loop.time()
        await had.leads(7)
        await until(lambda: backup.content() == leader.content() != {})
        assert loop.time() - began > 0.35
        for one in (leader, backup):
            spec = replace(one.daemon.spec, rate_limit=0)
            one.written = replace(
                written(one.daemon.config, REPLICATION_RATE_LIMIT="0"), replication=spec
            )
            one.daemon.reload("alice")
            await until(lambda: one.daemon.spec.rate_limit == 0)  # noqa: B023 - waited for here.
        assert backup.daemon.downloads._shelf.rate._limit() == 0


async def test_fewer_versions_are_kept_after_a_reload(tmp_path: Path) -> None:
    """REPLICATION_KEEP is applied to a daemon that runs, from the next version on."""
    async with pool(tmp_path) as (leader, backup), Had(leader.daemon) as had:
        await had.leads(7)
        for turn in range(4):
            (leader.root / "job").write_bytes(b"%d" % turn)
            await until(lambda: backup.content() == leader.content() != {})
        await until(lambda: len(leader.store.versions()) >= 4)
        leader.written = replace(
            written(leader.daemon.config, REPLICATION_KEEP="1"),
            replication=replace(leader.daemon.spec, keep=1),
        )
        leader.daemon.reload("alice")
        await until(lambda: leader.store.keep == 1)
        (leader.root / "job").write_bytes(b"last")
        await until(lambda: len(leader.store.versions()) <= 2)


async def test_daemons_with_certificates(tmp_path: Path) -> None:
    """The streams and the transfers go through mutual TLS."""
    tls = certify(tmp_path, "IP:127.0.0.1")
    async with pool(tmp_path, tls=tls) as (leader, backup), Had(leader.daemon) as had:
        (leader.root / "job").write_bytes(os.urandom(2 * MIB))
        await had.leads(7)
        await until(lambda: backup.content() == leader.content() != {})


async def test_the_snapshot_command_comes_first(tmp_path: Path) -> None:
    """What the scheduler writes out when it is told to is part of the version."""
    command = ("/bin/sh", "-c", f"echo $HADELECT_TERM > {tmp_path}/live0/dump")
    async with (
        pool(tmp_path, snapshot_command=command) as (leader, backup),
        Had(leader.daemon) as h,
    ):
        (leader.root / "job").write_bytes(b"x")
        await h.leads(7)
        await until(lambda: backup.content().get("dump") == b"7\n")


async def test_a_snapshot_command_that_fails_puts_the_snapshot_off(tmp_path: Path) -> None:
    """No version is taken, and its last words are told."""
    command = ("/bin/sh", "-c", "echo no socket; exit 3")
    async with (
        pool(tmp_path, snapshot_command=command) as (leader, backup),
        Had(leader.daemon) as h,
    ):
        (leader.root / "job").write_bytes(b"x")
        await h.leads(7)
        await until(lambda: leader.state.failures)
        assert leader.state.failures[0].failure is Failure.UNSTABLE
        assert "ended with 3: no socket" in leader.state.failures[0].because
        assert backup.content() == {}


class Wire:
    """The end of a gRPC stream on which a script is heard."""

    def __init__(self, *said: object) -> None:
        self._said = iter(said)

    async def read(self) -> object:
        return next(self._said, None)

    async def write(self, data: bytes) -> None:
        raise AssertionError(data)


PEN = Pen("test", Name("cm2"), Seal("test"))
GREETINGS = (b"one", b"other")


def word(number: int, term: int, greetings: tuple[bytes, bytes] = GREETINGS) -> bytes:
    stream = b"".join(len(said).to_bytes(4, "big") + said for said in greetings)
    return PEN.word(words.put_advert(Advert(leads=Term(term))), stream, number)


@pytest.mark.parametrize(
    ("said", "heard", "why"),
    [
        ((word(1, 4), word(2, 5)), [4, 5], "ended the stream"),
        ((word(1, 4), word(1, 4)), [4], "altered or replayed"),
        ((word(2, 4), word(1, 5)), [], "altered or replayed"),
        ((word(1, 4, (b"another", b"stream")),), [], "altered or replayed"),
        ((word(1, 4)[:-1],), [], "not a Word"),
        ((word(1, 4).replace(b"cm2", b"cm3"),), [], "cm3 speaks on the stream of cm2"),
    ],
    ids=["sound", "replayed", "reordered", "of another stream", "truncated", "another's"],
)
async def test_a_word_counts_once_and_in_its_place(
    said: tuple[Any, ...], heard: list[int], why: str
) -> None:
    """The first word that is not the next one of this stream ends it; what came before counts."""
    conversation = Conversation(Wire(*said), PEN, Name("cm2"), GREETINGS)
    took: list[int] = []
    ended = await conversation.converse(lambda advert: took.append(advert.leads))
    assert took == heard
    assert why in ended
