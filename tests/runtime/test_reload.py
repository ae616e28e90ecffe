"""A reload of a running member: what is taken over, what is refused, and that nothing moves."""

import asyncio
import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from hadelect.config.findings import ConfigError
from hadelect.config.model import CheckSpec, Config, ErrandSpec, LogSpec
from hadelect.config.schema import VARIABLES
from hadelect.core.vocabulary import Errand, Role
from hadelect.pb.control_pb2 import ReloadReply, ReloadRequest, StatusRequest
from hadelect.pb.control_pb2_grpc import ControlStub
from hadelect.runtime import reload as reload_module
from hadelect.runtime.status import status_dict
from tests.runtime.pool import Running, addresses, config_of, led, pool_of, until
from tests.runtime.test_member import unix
from tests.runtime.test_tls import certify, spoiled


def written(config: Config, **texts: str) -> Config:
    """With the texts in force that the loader would have noted."""
    names = (row.name.replace("<X>", config.controllee.name) for row in VARIABLES)
    before = dict(config.values)
    return replace(config, values=tuple((n, texts.get(n, before.get(n, ""))) for n in names))


async def asked(running: Running) -> ReloadReply:
    async with unix(running) as channel:
        reply: ReloadReply = await ControlStub(channel).Reload(ReloadRequest(operator="alice"))
    return reply


def facts(running: Running) -> tuple[Any, ...]:
    state = running.member.driver.state
    return state.role, state.term, state.leader, running.supervisor.running


def failed(running: Running) -> float:
    metrics = running.member.metrics.reload_failed.collect()
    return next(iter(metrics)).samples[0].value


def slower(config: Config) -> Config:
    texts = {"HAD_HEARTBEAT_INTERVAL": "0.2", "HAD_LEASE_DURATION": "1.2"}
    return replace(written(config, **texts), heartbeat=0.2, lease=1.2, digest="f00d")


async def test_new_timings_are_applied_and_nothing_moves(tmp_path: Path) -> None:
    """Rules, streams, supervisor, digest and warnings follow; leader and controllee stay."""
    async with pool_of(tmp_path, 3, written) as pool:
        leader = await led(pool)
        before = [facts(running) for running in pool]
        for running in pool:
            running.file = lambda c=running.config: slower(c)  # type: ignore[misc]
            reply = await asked(running)
            assert reply.ok
            assert {v.name: (v.old, v.new, v.outcome) for v in reply.variables} == {
                "HAD_HEARTBEAT_INTERVAL": ("", "0.2", "applied"),
                "HAD_LEASE_DURATION": ("", "1.2", "applied"),
            }
            assert running.member.driver.rules.lease_ms == 1200
            assert running.supervisor.adjusted is not None
        assert [facts(running) for running in pool] == before
        peer = leader.member.rules.peers[0]
        await until(lambda: leader.member.peers.config_digest(peer) == "f00d")
        assert leader.member.status().members[0].config_digest == "f00d"
        heard = leader.supervisor.extends
        await until(lambda: leader.supervisor.extends > heard + 5)
        history = (leader.config.state_dir / "history").read_text().splitlines()
        said = [json.loads(line)["because"] for line in history]
        assert any("HAD_LEASE_DURATION: unset -> 1.2, applied" in words for words in said)
        await asyncio.sleep(1.5)
        assert [facts(running) for running in pool] == before


async def test_a_mistake_keeps_the_old_configuration(tmp_path: Path) -> None:
    """Nothing of the file is taken, the reply says every mistake, the metric is raised."""
    async with pool_of(tmp_path, 1, written) as (running,):
        await led([running])
        before = facts(running)

        def broken() -> Config:
            raise ConfigError(["a.conf:7: no", "a.conf:9: neither"], [])

        running.file = broken
        reply = await asked(running)
        assert not reply.ok
        assert [problem.split(" (")[0] for problem in reply.problems] == [
            "a.conf:7: no",
            "a.conf:9: neither",
        ]
        assert failed(running) == 1
        log = running.config.log.path
        assert log is not None
        await until(lambda: "warning: LEADER" in log.read_text())
        assert "the old configuration holds: a.conf:7: no" in log.read_text()
        running.file = lambda: running.config
        assert (await asked(running)).ok
        assert failed(running) == 0
        assert facts(running) == before


@pytest.mark.parametrize(
    "change",
    [
        lambda c: replace(written(c, HAD_ARBITRATION="none"), arbitration="none"),
        lambda c: replace(written(c, HAD_POOL="other"), pool="other"),
        lambda c: replace(
            written(c, HAD_CONTROLLEE="SCHEDD"), controllee=replace(c.controllee, name="SCHEDD")
        ),
    ],
)
async def test_what_must_be_equal_is_refused_as_a_whole(
    tmp_path: Path, change: Callable[[Config], Config]
) -> None:
    """Arbitration, pool and controllee: not even the timing beside them is taken."""
    async with pool_of(tmp_path, 1, written) as (running,):
        await led([running])
        running.file = lambda: replace(change(running.config), lease=9.0)
        reply = await asked(running)
        assert not reply.ok
        assert "it must be equal on all members" in reply.problems[0]
        assert running.member.driver.rules.lease_ms == 600


async def test_another_list_is_kept_and_warned_of(tmp_path: Path) -> None:
    """The voters' list in force is durable; status says what the file proposes."""
    async with pool_of(tmp_path, 1, written) as (running,):
        await led([running])
        members = (*running.config.members, *addresses(1))
        text = " ".join(member.name for member in members)
        running.file = lambda: replace(written(running.config, HAD_LIST=text), members=members)
        reply = await asked(running)
        assert reply.ok
        assert reply.variables[0].outcome == "kept"
        assert any("--reset-membership" in words for words in running.member.status().warnings)
        assert len(running.member.driver.rules.voters) == 1


async def test_what_needs_a_restart_keeps_its_old_value(tmp_path: Path) -> None:
    """The supervisor is not told; status warns until the restart."""
    async with pool_of(tmp_path, 1, written) as (running,):
        await led([running])
        changed = replace(running.config.controllee, argv=("/bin/false",), stop_timeout=7.0)
        texts = {"NEGOTIATOR": "/bin/false", "NEGOTIATOR_STOP_TIMEOUT": "7"}
        running.file = lambda: replace(written(running.config, **texts), controllee=changed)
        reply = await asked(running)
        assert [v.outcome for v in reply.variables] == ["needs a restart", "applied"]
        told = running.supervisor.adjusted
        assert told is not None
        assert (told.controllee.argv, told.controllee.stop_timeout) == (("/bin/true",), 7.0)
        assert any("needs a restart" in words for words in running.member.status().warnings)


async def test_hooks_and_probe_are_applied(tmp_path: Path) -> None:
    """The core's rules, the supervisor's commands and the patience of orders follow; nobody moves.
    STATUS_INTERVAL of an external controllee waits for a restart.
    """
    async with pool_of(tmp_path, 1, written) as (running,):
        await led([running])
        before, patience = facts(running), running.member._patience()
        hook = ErrandSpec("HAD_PRE_STOP", ("/bin/true",), 20.0)
        probe = ErrandSpec("NEGOTIATOR_CHECK", ("/bin/true",), 2.0)
        errands = (("HAD_PRE_STOP", hook), ("CHECK", probe))
        texts = {"HAD_PRE_STOP": "/bin/true", "HAD_HOOK_TIMEOUT": "20",
                 "NEGOTIATOR_CHECK": "/bin/true", "NEGOTIATOR_CHECK_INTERVAL": "0.2",
                 "NEGOTIATOR_STATUS_INTERVAL": "9"}  # fmt: skip
        running.file = lambda: replace(
            written(running.config, **texts), errands=errands, check=CheckSpec(0.2, 5)
        )
        reply = await asked(running)
        assert {v.name: v.outcome for v in reply.variables} == {
            **dict.fromkeys(texts, "applied"),
            "NEGOTIATOR_STATUS_INTERVAL": "needs a restart",
        }
        rules = running.member.driver.rules
        assert (rules.errands, rules.check_failures) == ((Errand.PRE_STOP, Errand.CHECK), 5)
        assert running.supervisor.adjusted is not None
        assert running.supervisor.adjusted.errands == errands
        assert running.member._patience() == patience + 3 * 20.0
        await until(lambda: running.member.driver.state.check.passed)
        own = status_dict(running.member.status())["members"][0]["controllee"]
        assert own["check"] == {"state": "passing", "failures": 0, "because": ""}
        assert facts(running) == before


async def test_the_history_names_who_asked(tmp_path: Path) -> None:
    """Of a reload that was taken and of one that was refused; whatever the name is made of."""
    async with pool_of(tmp_path, 1, written) as (running,):
        await led([running])
        await asked(running)
        running.file = lambda: replace(written(running.config, HAD_POOL="other"), pool="other")
        assert not (await asked(running)).ok
        running.member.reload("mal\nlory")
        history = running.config.state_dir / "history"

        def said() -> list[str]:
            lines = [json.loads(line)["because"] for line in history.read_text().splitlines()]
            return [words for words in lines if words.startswith("reload")]

        await until(lambda: len(said()) == 3)
        taken, refused, odd = said()
        assert taken == "reload: nothing has changed (alice)"
        assert refused.startswith("reload refused")
        assert refused.endswith("(alice)")
        assert odd.endswith("(mal\\nlory)")


async def test_the_log_is_opened_anew(tmp_path: Path) -> None:
    """After logrotate has moved it away; and elsewhere, in another form, when so configured."""
    async with pool_of(tmp_path, 1, written) as (running,):
        await led([running])
        path = running.config.log.path
        assert path is not None
        path.rename(path.with_suffix(".1"))
        await asked(running)
        await until(lambda: path.exists() and "nothing has changed" in path.read_text())
        other = LogSpec(path=tmp_path / "other", json=True, debug=True)
        running.file = lambda: replace(running.config, log=other)
        await asked(running)
        assert other.path is not None
        await until(lambda: other.path is not None and '"message"' in other.path.read_text())
        running.file = lambda: replace(running.config, log=LogSpec(path=tmp_path / "no" / "dir"))
        reply = await asked(running)
        assert not reply.ok
        assert "HAD_LOG" in reply.problems[0]


async def test_a_file_that_hangs_delays_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said, heartbeats go on, and the reload is done when the file server is back."""
    monkeypatch.setattr(reload_module, "PATIENCE_SECONDS", 0.3)
    released = threading.Event()

    async with pool_of(tmp_path, 3, written) as pool:
        leader = await led(pool)
        before = facts(leader)

        def hangs() -> Config:
            released.wait(20)
            return slower(leader.config)

        leader.file = hangs
        call = asyncio.create_task(asked(leader))
        await until(lambda: failed(leader) == 1)
        heard = leader.supervisor.extends
        await until(lambda: leader.supervisor.extends > heard + 10)
        released.set()
        assert (await call).ok
        assert (failed(leader), facts(leader)) == (0, before)


async def test_a_storm_of_reloads_is_two_or_three(tmp_path: Path) -> None:
    """Whoever asks while one runs shares the next one."""
    async with pool_of(tmp_path, 1, written) as (running,):
        await led([running])
        reads: list[float] = []

        def read() -> Config:
            reads.append(time.monotonic())
            return running.config

        running.file = read
        for _ in range(100):
            running.member.reload("SIGHUP")
        assert (await asked(running)).ok
        await asyncio.sleep(0.3)
        assert len(reads) <= 3


async def test_a_bug_in_reading_ends_no_daemon(tmp_path: Path) -> None:
    """A reload never moves the leader, not by a mistake of ours either."""
    async with pool_of(tmp_path, 1, written) as (running,):
        await led([running])

        def bug() -> Config:
            raise RecursionError("deep")

        running.file = bug
        reply = await asked(running)
        assert "a bug of ours" in reply.problems[0]
        assert running.role is Role.LEADER


async def test_reload_is_for_the_socket_only(tmp_path: Path) -> None:
    """Over TCP nobody commands."""
    async with pool_of(tmp_path, 1, written) as (running,):
        await led([running])
        async with grpc.aio.insecure_channel(running.name) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await ControlStub(channel).Reload(ReloadRequest(), timeout=3)
        assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


# --- certificates ---


async def test_a_new_certificate_is_used_for_new_connections(tmp_path: Path) -> None:
    """Of another authority even: who connects from now on is shown the new one, streams go on."""
    old_home, new_home = tmp_path / "old", tmp_path / "new"
    old_home.mkdir()
    new_home.mkdir()
    old, new = certify(old_home, "IP:127.0.0.1"), certify(new_home, "IP:127.0.0.1")
    both = old.ca.read_bytes() + new.ca.read_bytes()

    def tls(config: Config) -> Config:
        return replace(written(config), tls=old)

    async with pool_of(tmp_path, 2, tls) as pool:
        leader = await led(pool)
        before = [facts(running) for running in pool]
        peer = leader.member.rules.peers[0]
        session = leader.member.peers.session(peer)
        for path, content in ((old.ca, both), (old.cert, new.cert.read_bytes()),
                              (old.key, new.key.read_bytes())):  # fmt: skip
            path.write_bytes(content)
        for running in pool:
            reply = await asked(running)
            assert reply.ok, reply.problems
        assert leader.member.peers.session(peer) is session
        client = grpc.ssl_channel_credentials(
            new.ca.read_bytes(), new.key.read_bytes(), new.cert.read_bytes()
        )
        async with grpc.aio.secure_channel(leader.name, client) as channel:
            await ControlStub(channel).Status(StatusRequest(), timeout=5)
        assert session is not None
        session.end("so that it is made anew")
        await until(lambda: leader.member.peers.session(peer) not in (None, session))
        assert [facts(running) for running in pool] == before


@spoiled
async def test_a_certificate_that_peers_would_refuse_is_refused(
    tmp_path: Path, spoil: Callable[..., Any], words: str
) -> None:
    """Ended, not begun, for another host, with another key…: the old one goes on."""
    tls = certify(tmp_path, "IP:127.0.0.1")
    async with pool_of(tmp_path, 1, lambda c: replace(written(c), tls=tls)) as (running,):
        await led([running])
        before = facts(running)
        expiry = running.member.metrics.certificate.collect()
        ends = next(iter(expiry)).samples[0].value
        assert ends > time.time() + 3600
        good = [path.read_bytes() for path in (tls.ca, tls.key, tls.cert)]
        spoiled = await asyncio.to_thread(spoil, tls, tmp_path)
        running.file = lambda: replace(running.config, tls=spoiled)
        reply = await asked(running)
        assert not reply.ok
        assert words in reply.problems[0]
        assert (failed(running), facts(running)) == (1, before)
        client = grpc.ssl_channel_credentials(*good)
        async with grpc.aio.secure_channel(running.name, client) as channel:
            await ControlStub(channel).Status(StatusRequest(), timeout=5)


async def test_tls_is_switched_on_by_a_restart_only(tmp_path: Path) -> None:
    """Another kind of port: named, and the old one goes on."""
    tls = certify(tmp_path, "IP:127.0.0.1")
    async with pool_of(tmp_path, 1, written) as (running,):
        await led([running])
        text = {"HAD_TLS_CERT": str(tls.cert)}
        running.file = lambda: replace(written(running.config, **text), tls=tls)
        reply = await asked(running)
        assert [v.outcome for v in reply.variables] == ["needs a restart"]
        async with grpc.aio.insecure_channel(running.name) as channel:
            await ControlStub(channel).Status(StatusRequest(), timeout=5)


def test_config_of_is_what_a_reload_compares(tmp_path: Path) -> None:
    """Every name of the schema has its text."""
    me = addresses(1)
    assert len(written(config_of(me[0], me, tmp_path)).values) == len(VARIABLES)
