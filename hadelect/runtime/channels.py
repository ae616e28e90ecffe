"""How we use gRPC: settings of connections, measured (see docs), and certificates."""

from typing import Any

import grpc
import grpc.aio

from hadelect.config.model import TlsSpec
from hadelect.runtime import certificates
from hadelect.runtime.certificate import expires_at
from hadelect.runtime.certificates import KeyPair, TlsError
from hadelect.runtime.resolver import Endpoint
from hadelect.runtime.wire import MAX_BYTES

__all__ = [
    "Credentials",
    "TlsError",
    "certified_names",
    "channel_options",
    "credentials",
    "dial",
    "server_options",
]

Options = list[tuple[str, Any]]


class Credentials:
    """Mutual TLS: both sides show a certificate of the same authority.

    Every new connection is made with the newest pair; streams that exist go on with theirs.
    """

    def __init__(self, pair: KeyPair) -> None:
        self.renew(pair)
        self.server = grpc.dynamic_ssl_server_credentials(
            self._server_pair(), self._server_pair, require_client_authentication=True
        )

    @property
    def client(self) -> grpc.ChannelCredentials:
        return grpc.ssl_channel_credentials(self._pair.ca, self._pair.key, self._pair.cert)

    def renew(self, pair: KeyPair) -> None:
        self._pair = pair
        self.expires_at = expires_at(pair.cert, pair.ca)

    def _server_pair(self) -> grpc.ServerCertificateConfiguration:
        """GRPC asks before every handshake, in a thread of its own."""
        pair = self._pair
        return grpc.ssl_server_certificate_configuration([(pair.key, pair.cert)], pair.ca)


def credentials(tls: TlsSpec | None, host: str) -> Credentials | None:
    """Read and tried at the start; members expect a certificate for `host`. Raises TlsError."""
    if tls is None:
        return None
    # With TLS only: it costs memory. And now: an upgrade may have replaced our files by a reload.
    from hadelect.runtime import rehearsal  # noqa: PLC0415

    pair = certificates.read(tls)
    rehearsal.rehearse(pair, host)
    return Credentials(pair)


def server_options() -> Options:
    return [
        ("grpc.so_reuseport", 0),  # A second daemon on the port must fail.
        ("grpc.http2.min_recv_ping_interval_without_data_ms", 50),
        ("grpc.http2.max_ping_strikes", 0),
        ("grpc.max_receive_message_length", MAX_BYTES),
        ("grpc.max_concurrent_streams", 2048),
    ]


def channel_options(heartbeat_ms: int, lease_ms: int) -> Options:
    """Keepalive only cleans up: silence is told by heartbeats, not by it."""
    return [
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 2 * heartbeat_ms),
        ("grpc.max_reconnect_backoff_ms", 2 * heartbeat_ms),
        ("grpc.keepalive_time_ms", max(1000, 2 * heartbeat_ms)),
        ("grpc.keepalive_timeout_ms", lease_ms),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.dns_min_time_between_resolutions_ms", 500),
        ("grpc.use_local_subchannel_pool", 1),  # A new channel is a new connection.
        ("grpc.enable_http_proxy", 0),
        ("grpc.max_receive_message_length", MAX_BYTES),
    ]


def dial(
    endpoint: Endpoint, host: str, options: Options, tls: Credentials | None
) -> grpc.aio.Channel:
    """A connection of its own to one member; with TLS its certificate must name `host`."""
    if tls is None:
        return grpc.aio.insecure_channel(endpoint.target, options=options)
    named: Options = [("grpc.ssl_target_name_override", host), *options]
    return grpc.aio.secure_channel(endpoint.target, tls.client, options=named)


def certified_names(auth_context: Any) -> frozenset[str]:
    """The names in a caller's certificate, lower case; empty = it showed none."""
    found = auth_context.get("x509_subject_alternative_name") or auth_context.get(
        "x509_common_name", ()
    )
    return frozenset(name.decode("utf-8", "replace").lower() for name in found)
