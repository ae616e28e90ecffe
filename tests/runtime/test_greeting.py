"""Who may take part: judged by the Hello alone, refused in words that name the remedy."""

from dataclasses import replace
from pathlib import Path

import grpc
import grpc.aio
import pytest

from hadelect.core.messages import Hello, Message, Withdraw
from hadelect.core.vocabulary import Arbitration, Identity, Name, Role, Term
from hadelect.pb.control_pb2 import CommandReply, DrainRequest, HandoverRequest
from hadelect.pb.election_pb2 import OperateRequest
from hadelect.runtime.greeting import Greeter, Unwelcome
from hadelect.runtime.operate import OPERATE
from hadelect.runtime.wire import PROTOCOL, Opened, ProtocolError, Wire
from tests.runtime.pool import Running, led, pool_of

A, B, STRANGER = Name("a:1"), Name("b:1"), Name("x:1")
IDENTITY = Identity("pool", (A, B), (), Arbitration.NONE, "N")
WIRE = Wire(A, IDENTITY, "")
HELLO = Hello(IDENTITY, "0.1.0", "theirs")


def opened(sender: Name = B, message: Message = HELLO) -> Opened:
    return Opened("pool", sender, PROTOCOL, WIRE.digest, "", message)


def greeter() -> Greeter:
    return Greeter(A, WIRE, "ours")


def test_a_peer_of_the_pool_is_welcome() -> None:
    """Same identity, a name of the list: its Hello is handed on."""
    assert greeter().judge(opened(), "10.0.0.2") == HELLO


@pytest.mark.parametrize(
    "said, words",
    [
        (replace(opened(), protocol=2), "it speaks protocol 2 .* install the same release"),
        (opened(A), "another HAD runs under my name at 10.0.0.2"),
        (opened(A, replace(HELLO, life="ours")), "10.0.0.2 leads back to this very daemon"),
        (opened(STRANGER), "x:1 is not in HAD_LIST"),
        (replace(opened(), identity_digest="0"), "its envelope does not fit"),
        (replace(opened(), pool="other"), "its envelope does not fit"),
    ],
    ids=["protocol", "own name", "ourselves", "stranger", "digest", "pool"],
)
def test_who_is_refused_and_why(said: Opened, words: str) -> None:
    """Everything that could make two pools of one."""
    with pytest.raises(Unwelcome, match=words):
        greeter().judge(said, "10.0.0.2")


def test_who_does_not_say_hello_is_none_of_ours() -> None:
    """Another message first is a mistake of protocol."""
    with pytest.raises(ProtocolError, match="not a Hello"):
        greeter().judge(opened(message=Withdraw(Term(1))), "10.0.0.2")


def test_a_restart_is_no_double() -> None:
    """A new life after an old one is a restart; the old one again means that both live."""
    judge = greeter()
    for life in ("one", "one", "two", "two", "three"):
        judge.judge(opened(message=replace(HELLO, life=life)), "10.0.0.2")
    with pytest.raises(Unwelcome, match="two HADs run under the name b:1"):
        judge.judge(opened(message=replace(HELLO, life="one")), "10.0.0.2")


async def operate(running: Running, request: OperateRequest, unix: bool = False) -> CommandReply:
    target = f"unix:{running.config.control_socket}" if unix else running.name
    options = (("grpc.default_authority", "localhost"), ("grpc.use_local_subchannel_pool", 1))
    async with grpc.aio.insecure_channel(target, options=options) as channel:
        call = channel.unary_unary(
            OPERATE,
            request_serializer=OperateRequest.SerializeToString,
            response_deserializer=CommandReply.FromString,
        )
        reply: CommandReply = await call(request)
        return reply


async def test_only_members_forward_commands(tmp_path: Path) -> None:
    """Strangers, another identity, the Unix socket: denied. Nothing is forwarded twice."""
    async with pool_of(tmp_path) as pool:
        leader = await led(pool)
        peer, third = (r for r in pool if r is not leader)
        digest = Wire(A, leader.member.rules.identity, "").digest

        def request(sender: str = peer.name, digest: str = digest) -> OperateRequest:
            return OperateRequest(
                sender=sender,
                protocol=PROTOCOL,
                identity_digest=digest,
                handover=HandoverRequest(dry_run=True),
            )

        for bad, unix in (
            (request(sender="x:1"), False),
            (request(sender=leader.name), False),
            (request(digest="0"), False),
            (request(), True),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await operate(leader, bad, unix)
            assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
        assert (await operate(leader, request())).ok
        assert "does not lead" in (await operate(third, request())).text
        drain = request()
        drain.drain.CopyFrom(DrainRequest(member=leader.name))
        assert "cannot do this" in (await operate(third, drain)).text
        assert leader.role is Role.LEADER
