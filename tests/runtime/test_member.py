"""Members that really talk: real gRPC, UDP, Unix sockets, HTTP and files, and the real core."""

import asyncio
import http.client
import json
import random
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from hadelect.core.vocabulary import Role
from hadelect.pb.control_pb2 import (
    DrainRequest,
    ExplainRequest,
    HandoverRequest,
    HistoryReply,
    HistoryRequest,
    StatusRequest,
)
from hadelect.pb.control_pb2_grpc import ControlStub
from hadelect.runtime import watch
from tests.runtime.pool import Running, led, pool_of, until

DICE = random.Random(51450)


def unix(running: Running) -> grpc.aio.Channel:
    options = (("grpc.default_authority", "localhost"), ("grpc.use_local_subchannel_pool", 1))
    return grpc.aio.insecure_channel(f"unix:{running.config.control_socket}", options=options)


def tcp(running: Running) -> grpc.aio.Channel:
    options = (("grpc.use_local_subchannel_pool", 1),)
    return grpc.aio.insecure_channel(running.name, options=options)


async def get(running: Running, path: str) -> tuple[int, str]:
    def ask() -> tuple[int, str]:
        link = http.client.HTTPConnection("127.0.0.1", running.member.http_port, timeout=5)
        link.request("GET", path)
        answer = link.getresponse()
        text = answer.read().decode()
        link.close()
        return answer.status, text

    return await asyncio.to_thread(ask)


async def test_three_members_elect_one_leader(tmp_path: Path) -> None:
    """Exactly one leads and runs the controllee; its deadline is extended; the others follow."""
    async with pool_of(tmp_path) as pool:
        leader = await led(pool)
        await until(lambda: leader.supervisor.extends > 3)
        assert [r.supervisor.running is not None for r in pool] == [r is leader for r in pool]
        await until(lambda: all(len(r.supervisor.peers) == 2 for r in pool))


async def test_a_clean_stop_hands_over_at_once(tmp_path: Path) -> None:
    """SIGTERM's way: exit 0, and a peer leads long before the lease is over."""
    async with pool_of(tmp_path, change=lambda c: replace(c, lease=3.0, margin=0.5)) as pool:
        leader = await led(pool)
        others = [r for r in pool if r is not leader]
        began = asyncio.get_running_loop().time()
        assert await leader.end() == 0
        await led_by_one(others)
        assert asyncio.get_running_loop().time() - began < 2.0


async def led_by_one(pool: list[Running]) -> None:
    await until(lambda: sum(r.role is Role.LEADER for r in pool) == 1)


async def test_a_silent_leader_is_replaced(tmp_path: Path) -> None:
    """The leader vanishes without a word: another one leads within lease and round."""
    async with pool_of(tmp_path) as pool:
        leader = await led(pool)
        await leader.vanish()
        await led_by_one([r for r in pool if r is not leader])


async def test_http_says_who_leads(tmp_path: Path) -> None:
    """/leader is 200 on the leader alone; status, page and metrics agree."""
    async with pool_of(tmp_path) as pool:
        leader = await led(pool)
        for running in pool:
            assert (await get(running, "/leader"))[0] == (200 if running is leader else 503)
            assert (await get(running, "/health"))[0] == 200
            assert (await get(running, "/ready"))[0] == 200
            status = json.loads((await get(running, "/status.json"))[1])
            assert status["leader"] == leader.name
            assert status["answered_by"] == running.name
            assert len(status["members"]) == 3
            page = (await get(running, "/"))[1]
            assert f"leader {leader.name}" in page
            assert f"{leader.name} leads term" in page  # It explains itself, as `explain` does.
            metrics = (await get(running, "/metrics"))[1]
            assert f"hadelect_is_leader {float(running is leader)}" in metrics
            assert 'hadelect_messages_total{direction="in",kind="Hello",result="ok"}' in metrics


async def test_status_over_both_doors_commands_over_one(tmp_path: Path) -> None:
    """Reading is free; a command over TCP is refused with the remedy."""
    async with pool_of(tmp_path) as pool:
        leader = await led(pool)
        for channel in (unix(pool[0]), tcp(pool[0])):
            async with channel:
                reply = await ControlStub(channel).Status(StatusRequest())
                assert reply.leader == leader.name
        async with tcp(leader) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await ControlStub(channel).Handover(HandoverRequest())
        assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
        assert "HAD_CONTROL_SOCKET" in str(refused.value.details())
        assert (await led(pool)) is leader


async def test_a_handover_asked_of_anybody_moves_the_leader(tmp_path: Path) -> None:
    """A member that does not lead forwards it; the answer comes when the successor leads."""
    async with pool_of(tmp_path) as pool:
        leader = await led(pool)
        asked, to = (r for r in pool if r is not leader)
        async with unix(asked) as channel:
            stub = ControlStub(channel)
            dry = await stub.Handover(HandoverRequest(to=to.name, dry_run=True))
            assert (dry.ok, to.name in dry.text) == (True, True)
            assert leader.role is Role.LEADER
            request = HandoverRequest(to=to.name, reason="kernel update", operator="ann")
            reply = await stub.Handover(request)
        assert reply.ok, reply.text
        assert (await led(pool)) is to
        history = (leader.config.state_dir / "history").read_text()
        assert "kernel update (ann)" in history
        assert '"operator":"ann"' in history


async def test_a_refused_command_says_why(tmp_path: Path) -> None:
    """Strangers, impossible successors: ok is false and the text names the reason."""
    async with pool_of(tmp_path) as pool:
        await led(pool)
        async with unix(pool[0]) as channel:
            stub = ControlStub(channel)
            handover = await stub.Handover(HandoverRequest(to="cm9:1"))
            drain = await stub.Drain(DrainRequest(member="cm9:1"))
        for reply in (handover, drain):
            assert not reply.ok
            assert "cm9:1 is not in HAD_LIST" in reply.text


async def test_drain_of_another_member(tmp_path: Path) -> None:
    """A drained leader hands over, does not lead again, and says so everywhere."""
    async with pool_of(tmp_path) as pool:
        leader = await led(pool)
        asked = next(r for r in pool if r is not leader)
        async with unix(asked) as channel:
            reply = await ControlStub(channel).Drain(DrainRequest(member=leader.name))
        assert reply.ok, reply.text
        await until(lambda: leader.role is not Role.LEADER)
        others = [r for r in pool if r is not leader]
        await led_by_one(others)
        await until(lambda: any(row.drained for row in asked.member.status().members))


async def test_watchers_hear_of_a_change_and_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, and again after a change; one more than there are seats is refused."""
    monkeypatch.setattr(watch, "SEATS", 2)
    async with pool_of(tmp_path) as pool:
        leader = await led(pool)
        watched = next(r for r in pool if r is not leader)
        async with unix(watched) as channel:
            stub = ControlStub(channel)
            calls = [stub.Watch(StatusRequest()) for _ in range(2)]
            assert [(await call.read()).leader for call in calls] == [leader.name] * 2
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.Watch(StatusRequest()).read()
            assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            await leader.end()
            for call in calls:
                while (await asyncio.wait_for(call.read(), 5)).leader in ("", leader.name):
                    pass
                call.cancel()
        await until(lambda: len(watched.member.gallery) == 0)


async def test_standard_health(tmp_path: Path) -> None:
    """grpc.health.v1 says SERVING once the member takes part."""
    async with pool_of(tmp_path, 1) as pool:
        await led(pool)
        async with tcp(pool[0]) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            reply = await stub.Check(health_pb2.HealthCheckRequest(service=""))
        assert reply.status == health_pb2.HealthCheckResponse.SERVING


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
JUNK = [
    DICE.randbytes(1),
    DICE.randbytes(1200),
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    PREFACE + b"\xff\xff\xff\x00" + DICE.randbytes(64),
    PREFACE + DICE.randbytes(4000),
    b"",
    b'{"v":1}',
    b"[" * 1000,
]


def pour(address: tuple[str, int] | str, data: bytes) -> None:
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family) as link:
        link.settimeout(0.1)
        try:
            link.connect(address)
            link.sendall(data)
            link.recv(4096)
        except OSError:
            return


async def test_junk_on_every_port_moves_nobody(tmp_path: Path) -> None:
    """Noise on TCP, UDP, HTTP and the Unix socket is refused; the datagrams are counted."""
    async with pool_of(tmp_path) as pool:
        leader = await led(pool)
        term = leader.member.driver.state.term
        with socket.socket(type=socket.SOCK_DGRAM) as udp:
            for data in JUNK:
                udp.sendto(data, ("127.0.0.1", leader.config.me.port))
                await asyncio.to_thread(pour, ("127.0.0.1", leader.config.me.port), data)
                await asyncio.to_thread(pour, str(leader.config.control_socket), data)
                assert leader.member.http_port
                await asyncio.to_thread(pour, ("127.0.0.1", leader.member.http_port), data)
        await until(lambda: leader.counted("refused") >= len(JUNK))
        assert (await led(pool)) is leader
        assert leader.member.driver.state.term == term


async def said(channel: grpc.aio.Channel, data: bytes) -> object:
    call: Any = channel.stream_stream("/hadelect.v1.Election/Connect")()
    await call.write(data)
    return await call.read()


async def test_junk_on_the_election_stream_is_refused_and_counted(tmp_path: Path) -> None:
    """Bytes that are no envelope, and a message that is far too long, end that stream alone."""
    async with pool_of(tmp_path) as pool:
        leader = await led(pool)
        before = leader.counted("refused")
        async with tcp(leader) as channel:
            for data in (DICE.randbytes(500), b"", b"\0" * 200_000):
                with pytest.raises(grpc.aio.AioRpcError) as refused:
                    await said(channel, data)
                assert refused.value.code() in (
                    grpc.StatusCode.INVALID_ARGUMENT,
                    grpc.StatusCode.RESOURCE_EXHAUSTED,
                )
        assert leader.counted("refused") >= before + 2
        assert (await led(pool)) is leader


async def test_every_member_explains_itself_and_its_peers(tmp_path: Path) -> None:
    """By both doors; a stranger's name is refused with those that there are."""
    async with pool_of(tmp_path) as pool:
        leader = await led(pool)
        standby = next(r for r in pool if r is not leader)
        async with tcp(standby) as channel:
            stub = ControlStub(channel)
            own = await stub.Explain(ExplainRequest())
            assert (own.role, own.leader) == ("PASSIVE", leader.name)
            assert f"{leader.name} leads term" in own.lines[0].text
            other = await stub.Explain(ExplainRequest(member=leader.name))
            assert (other.member, other.answered_by) == (leader.name, standby.name)
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.Explain(ExplainRequest(member="stranger:1"))
        assert f"is not in HAD_LIST ({pool[0].name}" in str(refused.value.details())
        async with unix(leader) as channel:
            told = await ControlStub(channel).Explain(ExplainRequest())
            assert told.lines[0].topic == "leads"


async def test_every_member_reads_its_history_out(tmp_path: Path) -> None:
    """What it wrote down, from a cursor on; asked by too many it refuses some and goes on."""
    async with pool_of(tmp_path) as pool:
        leader = await led(pool)
        async with tcp(leader) as channel:
            stub = ControlStub(channel)

            async def became_leader() -> HistoryReply | None:
                reply: HistoryReply = await stub.History(HistoryRequest())
                return reply if '"role":"LEADER"' in "".join(reply.lines) else None

            while (reply := await became_leader()) is None:
                await asyncio.sleep(0.02)
            assert reply.member == leader.name
            again = await stub.History(HistoryRequest(cursor=reply.cursor))
            assert not set(again.lines) & set(reply.lines)
            since = await stub.History(HistoryRequest(since="9"))
            assert list(since.lines) == []
            crowd = (stub.History(HistoryRequest()) for _ in range(100))
            answers = await asyncio.gather(*crowd, return_exceptions=True)
        assert any(isinstance(answer, HistoryReply) for answer in answers)
        failed = [a for a in answers if isinstance(a, grpc.aio.AioRpcError)]
        assert all("too many" in str(error.details()) for error in failed)
