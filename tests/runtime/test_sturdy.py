"""What strangers call, and with what, ends no server; what is ours goes on."""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio
import pytest
import pytest_asyncio

from hadelect.pb.control_pb2 import StatusReply, StatusRequest
from hadelect.pb.control_pb2_grpc import ControlServicer, ControlStub, add_ControlServicer_to_server
from hadelect.runtime import channels
from hadelect.runtime.sturdy import sturdy_server
from tests.e2e import junk_bytes as junk

REPLY = StatusReply(answered_by="me")


class Control(ControlServicer):
    async def Status(self, request: StatusRequest, context: Any) -> StatusReply:  # noqa: N802
        return REPLY

    async def Watch(  # noqa: N802
        self, request: StatusRequest, context: Any
    ) -> AsyncIterator[StatusReply]:
        yield REPLY
        yield REPLY


@dataclass
class Served:
    port: int = 0
    refused: list[None] = field(default_factory=list)


@pytest_asyncio.fixture
async def served() -> AsyncIterator[Served]:
    """A server with one service, on a port of the loopback."""
    served = Served()
    server = sturdy_server(channels.server_options(), lambda: served.refused.append(None))
    served.port = server.add_insecure_port("127.0.0.1:0")
    add_ControlServicer_to_server(Control(), server)
    await server.start()
    yield served
    await server.stop(0)


async def code_of(served: Served, path: str, request: bytes) -> grpc.StatusCode:
    """How a call by bytes ends."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{served.port}") as channel:
        ask: Any = channel.unary_unary(path)
        code: grpc.StatusCode = await ask(request, timeout=5).code()
        return code


async def asked(served: Served) -> list[StatusReply]:
    """What somebody hears who asks rightly."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{served.port}") as channel:
        stub = ControlStub(channel)
        watched = [reply async for reply in stub.Watch(StatusRequest(), timeout=5)]
        return [await stub.Status(StatusRequest(), timeout=5), *watched]


async def test_a_method_whose_name_is_no_text_ends_nothing(served: Served) -> None:
    """Of grpc.aio's own server one such call is the end."""
    call = junk.call(1, "/wrong", b"").replace(b"/wrong", b"/\xff\xfe\xfd\xfc\xfb")
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(junk.BEGIN + call)
    received = b""
    while not junk.ended_streams(received):
        received += await asyncio.wait_for(reader.read(4096), 5)
    writer.close()
    assert await asked(served) == [REPLY] * 3
    assert len(served.refused) == 1


async def test_an_unknown_method_is_refused_at_once(served: Served) -> None:
    """Its caller need not wait for its own deadline."""
    assert await code_of(served, "/hadelect.v1.Control/New", b"") is grpc.StatusCode.CANCELLED
    assert len(served.refused) == 1


@pytest.mark.parametrize("method", ["Status", "Watch"])
async def test_a_request_that_is_none_is_refused(
    served: Served, method: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """By us, in words; nothing is printed, whether its caller hears it or not."""
    path, nonsense = f"/hadelect.v1.Control/{method}", b"\xff" * 9
    assert await code_of(served, path, nonsense) is grpc.StatusCode.INVALID_ARGUMENT
    for _ in range(50):
        with socket.create_connection(("127.0.0.1", served.port)) as gone:
            gone.sendall(junk.BEGIN + junk.call(1, path, nonsense))
            await asyncio.sleep(0)
    assert await asked(served) == [REPLY] * 3
    assert served.refused
    assert capfd.readouterr().err == ""
