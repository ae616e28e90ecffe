"""The gRPC server: Replication for daemons, Local for HAD, State for operators.

Law: one server, two doors: the REPLICATION_LIST port and the Unix socket. Each call looks at the
door it came by. What is none of their calls is counted and dropped (runtime/sturdy.py).
"""

from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio

from hadelect.pb import replication_pb2 as pb
from hadelect.pb.replication_pb2_grpc import add_StateServicer_to_server
from hadelect.replication.local import Local
from hadelect.replication.metrics import Metrics
from hadelect.replication.orders import Orders
from hadelect.replication.serve import Uploads
from hadelect.replication.watch import Watches
from hadelect.runtime import channels
from hadelect.runtime.channels import Options
from hadelect.runtime.sturdy import sturdy_server

MAX_QUESTION = 1 << 20  # Bytes of what is received: words and questions.


@dataclass(frozen=True, slots=True)
class Services:
    watches: Watches
    uploads: Uploads
    local: Local
    orders: Orders
    metrics: Metrics


def server_options() -> Options:
    own = {"grpc.max_receive_message_length": MAX_QUESTION}
    kept = [(name, value) for name, value in channels.server_options() if name not in own]
    return [*kept, *own.items()]


def server_of(services: Services) -> grpc.aio.Server:
    """Made without ports; runtime/listening.py adds them."""
    server = sturdy_server(server_options(), lambda: services.metrics.refused("junk"))
    uploads = services.uploads
    # Words are taken as bytes: what is none is ours to refuse and count.
    calls: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        "Watch": grpc.stream_stream_rpc_method_handler(services.watches.accept),
        "Changes": grpc.unary_stream_rpc_method_handler(
            uploads.changes,
            request_deserializer=pb.ChangesRequest.FromString,
            response_serializer=pb.ChangesPart.SerializeToString,
        ),
        "Blocks": grpc.unary_stream_rpc_method_handler(
            uploads.blocks,
            request_deserializer=pb.BlocksRequest.FromString,
            response_serializer=pb.BlocksPart.SerializeToString,
        ),
    }
    server.add_registered_method_handlers("hadelect.v1.Replication", calls)
    follow: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        "Follow": grpc.stream_stream_rpc_method_handler(services.local.follow)
    }
    server.add_registered_method_handlers("hadelect.v1.Local", follow)
    add_StateServicer_to_server(services.orders, server)
    return server
