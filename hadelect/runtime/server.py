"""The gRPC server: Election for members, Control for operators, the standard health service.

Law: one server, two doors: the HAD_LIST port and the Unix socket. Each call looks at the door it
came by: members do not come by the socket, commands do not come by TCP. What is none of
their calls is counted and dropped (sturdy.py).
"""

from dataclasses import dataclass

import grpc
from grpc_health.v1 import health_pb2_grpc
from grpc_health.v1.health import aio as health_aio
from grpc_health.v1.health_pb2 import HealthCheckResponse

from hadelect.pb.control_pb2 import CommandReply
from hadelect.pb.control_pb2_grpc import ControlServicer, add_ControlServicer_to_server
from hadelect.pb.election_pb2 import OperateRequest
from hadelect.runtime import channels
from hadelect.runtime.metrics import Metrics
from hadelect.runtime.operate import Desk
from hadelect.runtime.peers import Peers
from hadelect.runtime.sturdy import sturdy_server

ELECTION = "hadelect.v1.Election"
SERVICES = ("", ELECTION, "hadelect.v1.Control")


@dataclass(frozen=True, slots=True)
class Services:
    peers: Peers
    desk: Desk
    control: ControlServicer
    metrics: Metrics


class Server:
    """Made without ports; runtime/listening.py adds them."""

    def __init__(self, services: Services) -> None:
        refused = services.metrics.message
        self.grpc = sturdy_server(
            channels.server_options(), lambda: refused("unknown", "in", "refused")
        )
        self._health = health_aio.HealthServicer()
        # Connect takes bytes: what is not an envelope is ours to refuse and count.
        calls = {
            "Connect": grpc.stream_stream_rpc_method_handler(services.peers.accept),
            "Operate": grpc.unary_unary_rpc_method_handler(
                services.desk.operate,
                request_deserializer=OperateRequest.FromString,
                response_serializer=CommandReply.SerializeToString,
            ),
        }
        self.grpc.add_registered_method_handlers(ELECTION, calls)
        add_ControlServicer_to_server(services.control, self.grpc)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self.grpc)

    async def start(self) -> None:
        await self.health(serving=False)
        await self.grpc.start()

    async def health(self, *, serving: bool) -> None:
        status = HealthCheckResponse.SERVING if serving else HealthCheckResponse.NOT_SERVING
        for service in SERVICES:
            await self._health.set(service, status)

    async def stop(self, grace: float) -> None:
        await self._health.enter_graceful_shutdown()
        await self.grpc.stop(grace)
