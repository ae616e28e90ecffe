"""Replication daemons that talk by real sockets; policy and store are small ones of the tests."""

import os
import socket
from pathlib import Path

from hadelect.core.replication.events import Failure
from hadelect.core.versions import Line
from hadelect.replication.seal import SIZE, Seal
from tests.replication.pool import Had, Running, pool, until

MIB = 1 << 20


class Forged(Seal):
    def of_line(self, line: Line) -> bytes:
        return b"\0" * SIZE


def content(one: Running) -> dict[str, bytes]:
    return one.content()


async def test_what_the_leader_writes_is_on_the_other(tmp_path: Path) -> None:
    """A directory is replicated: at the first word of HAD, and then at every settled write."""
    async with pool(tmp_path) as (leader, backup), Had(leader.daemon) as had:
        (leader.root / "spool").mkdir()
        (leader.root / "spool/job.1").write_bytes(os.urandom(3 * MIB + 17))
        await had.leads(7)
        await until(lambda: content(backup) == content(leader) != {})
        (leader.root / "log").write_text("one\n")
        await until(lambda: content(backup) == content(leader))
        await until(lambda: str(backup.store.held and backup.store.held.version) == "7.2")


async def test_each_way_of_packing_carries_the_same(tmp_path: Path) -> None:
    """REPLICATION_COMPRESSION = zstd: what can be packed costs fewer bytes and arrives whole."""
    async with (
        pool(tmp_path, compression="zstd") as (leader, backup),
        Had(leader.daemon) as had,
    ):
        (leader.root / "text").write_bytes(b"the same line\n" * 300_000)
        (leader.root / "noise").write_bytes(os.urandom(MIB))
        await had.leads(7)
        await until(lambda: content(backup) == content(leader) != {})
        assert backup.daemon.metrics.bytes_in < 2 * MIB
        now = b"hadelect_replica_lag_seconds 1.234\n"  # By the small policy, not as reported.
        await until(lambda: now in backup.daemon._metrics_text())


async def test_a_block_that_is_not_what_it_should_be_is_refused(tmp_path: Path) -> None:
    """An altered block ends the transfer; nothing of it is installed, and it is counted."""
    async with pool(tmp_path) as (leader, backup), Had(leader.daemon) as had:
        leader.store.altered = lambda piece: b"\0" + piece[1:]
        (leader.root / "job").write_bytes(b"\1" * MIB)
        await had.leads(7)
        await until(lambda: backup.state.failures)
        assert backup.state.failures[0].failure is Failure.PEER
        assert "wrong digest" in backup.state.failures[0].because
        assert content(backup) == {}
        assert b'replica_refused_total{what="transfer"} 1.0' in backup.daemon._metrics_text()


async def test_a_version_with_a_wrong_seal_is_refused(tmp_path: Path) -> None:
    """A version that nobody with the key vouches for: not a block of it is asked for."""
    async with pool(tmp_path) as (leader, backup), Had(leader.daemon) as had:
        forged = Forged("test")
        object.__setattr__(leader.daemon.watches._ours, "seal", forged)
        (leader.root / "job").write_bytes(b"\1" * MIB)
        await had.leads(7)
        await until(lambda: backup.state.failures)
        assert "its seal is wrong" in backup.state.failures[0].because
        assert content(backup) == {}


async def test_it_is_fetched_from_another_holder(tmp_path: Path) -> None:
    """One copy of the leader's arrives altered: it is refused, and another holder's is taken."""
    async with pool(tmp_path, 3) as (leader, one, other), Had(leader.daemon) as had:
        nonsense = iter([b"nonsense"])
        leader.store.altered = lambda piece: next(nonsense, piece)
        (leader.root / "job").write_bytes(b"\1" * MIB)
        await had.leads(7)
        await until(lambda: content(one) == content(other) == content(leader) != {})
        assert len(one.state.failures + other.state.failures) == 1


async def test_nothing_is_installed_under_a_controllee(tmp_path: Path) -> None:
    """While the lock is held the live files stay what they are, and the policy is told LOCKED."""
    async with pool(tmp_path) as (leader, backup), Had(leader.daemon) as had:
        (leader.root / "job").write_bytes(b"x")
        with backup.controllee():
            await had.leads(7)
            await until(lambda: backup.state.failures)
        assert backup.state.failures[0].failure is Failure.LOCKED
        assert content(backup) == {}


async def test_another_key_is_no_member(tmp_path: Path) -> None:
    """A daemon with another REPLICATION_KEY_FILE gets no stream, and both say why."""
    key = tmp_path / "key"
    key.write_bytes(b"0123456789abcdef")
    async with pool(tmp_path, 2) as (one, other):
        other.daemon.watches._links[one.daemon.driver.rules.me].conversation.end("test")  # type: ignore[union-attr]
        other.daemon.watches._pen = type(other.daemon.watches._pen)(
            "test", other.daemon.driver.rules.me, type(other.daemon._prepared.seal)("x", b"y" * 16)
        )
        refused = b'replica_refused_total{what="unwelcome"}'
        await until(lambda: refused + b" 0.0" not in one.daemon._metrics_text())
        assert not one.daemon.watches.connected(other.daemon.driver.rules.me)
        for daemon in (one.daemon, other.daemon):
            peer = daemon.driver.rules.peers[0]
            await until(lambda d=daemon, p=peer: "another key" in d.watches.trouble(p))  # type: ignore[misc]


async def test_random_bytes_on_the_port_change_nothing(tmp_path: Path) -> None:
    """Junk that no gRPC client would send: the daemons go on replicating."""
    async with pool(tmp_path) as (leader, backup), Had(leader.daemon) as had:
        place = leader.daemon.spec.me
        for _ in range(20):
            with socket.create_connection((place.host, place.port)) as stranger:
                stranger.sendall(os.urandom(4096))
        (leader.root / "job").write_bytes(b"x")
        await had.leads(7)
        await until(lambda: content(backup) == content(leader) != {})


async def test_had_hears_something_every_second(tmp_path: Path) -> None:
    """Also when nothing happens: three seconds of silence would mean that the daemon is dead."""
    async with pool(tmp_path) as (one, _), Had(one.daemon) as had:
        await until(lambda: sum(word.HasField("counts") for word in had.heard) >= 2)


async def test_counts_are_said_however_much_else_there_is_to_say(tmp_path: Path) -> None:
    """A copy that changes all the time leaves no pause; HAD's metrics go on."""
    async with pool(tmp_path) as (one, _), Had(one.daemon) as had:

        def while_busy() -> bool:
            one.daemon.local.report(one.daemon.driver.replica)
            return sum(word.HasField("counts") for word in had.heard) >= 2

        await until(while_busy)


async def test_a_had_that_was_restarted_is_the_had(tmp_path: Path) -> None:
    """The newer of two streams counts; the daemon survives the end of either."""
    async with pool(tmp_path) as (leader, backup):
        async with Had(leader.daemon) as first:
            await first.leads(7)
            await until(lambda: leader.daemon.local.told.leads)
            async with Had(leader.daemon) as second:
                await second.leads(71)
                await until(lambda: leader.daemon.local.told.term == 71)
                (leader.root / "job").write_bytes(b"x")
                await until(lambda: content(backup) == content(leader) != {})
                await second.hears(lambda word: word.replica.version.term == 71)
        await until(lambda: not leader.daemon.local.connected)


async def test_the_had_of_another_member_is_refused(tmp_path: Path) -> None:
    """A HAD that says it is somebody else's is told so; ours is not taken for gone."""
    async with pool(tmp_path) as (one, other), Had(one.daemon) as had:
        had._daemon = other.daemon
        await had.leads(7)
        await until(had._reader.done)
        assert "is the replication daemon of" in str(had._reader.exception())


async def test_the_shadow_catches_up_when_nothing_else_is_to_be_done(tmp_path: Path) -> None:
    """After an installation, without being asked, the shadow becomes what the live files are."""
    async with pool(tmp_path) as (leader, backup), Had(leader.daemon) as had:
        (leader.root / "job").write_bytes(os.urandom(3 * MIB))
        await had.leads(7)
        shadow = backup.root.parent / f".{backup.root.name}.hadelect"
        await until(lambda: (shadow / "job").exists() and content(backup) == content(leader))
        await until(lambda: (shadow / "job").read_bytes() == content(leader)["job"])


async def test_rot_is_reported(tmp_path: Path) -> None:
    """What a failing disk altered is mended, counted and named in the log."""
    async with pool(tmp_path) as (leader, backup), Had(leader.daemon) as had:
        backup.store._stock.patrol._rotten.append((0, b"job"))
        await had.leads(7)
        rot = b'replica_refused_total{what="rot"} 1.0'
        await until(lambda: rot in backup.daemon._metrics_text())
