"""Asks members: the local one over its Unix socket, else all of them at once over TCP.

Law 1: one deadline for everybody; a member that is down costs nobody else time.
Law 2: what a member does not answer comes back as words (`Silent`), never as an exception.
Law 3: this module and `news.py` are the only ones of the command line that load gRPC.
"""

import os

os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # Its log is not for the user's terminal …
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")  # … and nothing forks here.

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import grpc.aio

from hadelect.cli.failures import Exit, Failure
from hadelect.cli.knock import knock
from hadelect.config.model import Address, PoolView, TlsSpec
from hadelect.pb.control_pb2 import StatusReply, StatusRequest
from hadelect.pb.control_pb2_grpc import ControlStub

LOCAL_SECONDS = 0.5  # A local member that is well answers in milliseconds.
POOL_SECONDS = 1.0  # Together with the above and Python's start: an answer within 2 s.

_OPTIONS = (
    ("grpc.enable_http_proxy", 0),  # Members are never behind http_proxy.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 2000),  # The limit of a connection attempt: ours is lower.
    ("grpc.max_reconnect_backoff_ms", 2000),
)


@dataclass(frozen=True, slots=True)
class Silent:
    """A member that did not answer, and why, in words."""

    who: str
    why: str


@dataclass(frozen=True, slots=True)
class Answers:
    """What was said at one time. `local`: by the local member, who speaks for the pool."""

    pool: PoolView
    replies: tuple[StatusReply, ...]
    silent: tuple[Silent, ...]
    local: bool
    at: float  # Seconds of CLOCK_BOOTTIME.


def boottime() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@asynccontextmanager
async def local_stub(socket: Path) -> AsyncIterator[ControlStub]:
    async with local_channel(socket) as channel:
        yield ControlStub(channel)


@asynccontextmanager
async def local_channel(socket: Path) -> AsyncIterator[grpc.aio.Channel]:
    # The authority is said outright: a path is none, and some servers refuse it.
    options = (*_OPTIONS, ("grpc.default_authority", "localhost"))
    async with grpc.aio.insecure_channel(f"unix:{socket}", options=options) as channel:
        yield channel


@asynccontextmanager
async def member_stub(
    address: Address, credentials: grpc.ChannelCredentials | None
) -> AsyncIterator[ControlStub]:
    async with _channel(address, credentials) as channel:
        yield ControlStub(channel)


def _channel(address: Address, credentials: grpc.ChannelCredentials | None) -> grpc.aio.Channel:
    host = f"[{address.host}]" if ":" in address.host else address.host
    target = f"dns:///{host}:{address.port}"
    if credentials is None:
        return grpc.aio.insecure_channel(target, options=_OPTIONS)
    return grpc.aio.secure_channel(target, credentials, options=_OPTIONS)


async def silence_of(
    address: Address, credentials: grpc.ChannelCredentials | None, seconds: float = POOL_SECONDS
) -> Silent | None:
    """None: a server of ours, whichever, answers there; it need not know what is asked."""
    async with _channel(address, credentials) as channel:
        ask_it: Callable[..., Awaitable[bytes]] = channel.unary_unary(
            "/grpc.health.v1.Health/Check"
        )
        try:
            async with asyncio.timeout(seconds + 0.1):
                await ask_it(b"", timeout=seconds)
        except grpc.aio.AioRpcError as error:
            if error.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}:
                return Silent(address.name, words_of(error))
        except TimeoutError:
            return Silent(address.name, "no answer in time")
    return None


def credentials_of(tls: TlsSpec | None) -> grpc.ChannelCredentials | None:
    """Raises Failure (78) if a file cannot be read."""
    if tls is None:
        return None
    try:
        parts = [path.read_bytes() for path in (tls.ca, tls.key, tls.cert)]
    except OSError as error:
        raise Failure(
            f"cannot read {error.filename}: {error.strerror}; members answer only to a certificate:"
            " run this as a user who may read HAD_TLS_CERT, HAD_TLS_KEY and HAD_TLS_CA",
            Exit.CONFIG,
        ) from error
    return grpc.ssl_channel_credentials(*parts)


async def ask(pool: PoolView) -> Answers:
    """The local member; if it does not answer, all members. At most 1.5 s."""
    local = await ask_local(pool.control_socket)
    if isinstance(local, StatusReply):
        return Answers(pool, (local,), (), local=True, at=boottime())
    return await ask_all(pool)


async def ask_local(socket: Path, seconds: float = LOCAL_SECONDS) -> StatusReply | Silent:
    if why := knock(socket):
        return Silent(str(socket), why.words)
    async with local_stub(socket) as stub:
        return await _status(stub, str(socket), seconds)


async def ask_all(pool: PoolView, seconds: float = POOL_SECONDS) -> Answers:
    """Every member and witness at once, each by itself."""
    credentials = credentials_of(pool.tls)
    voters = pool.members + pool.witnesses

    async def one(address: Address) -> StatusReply | Silent:
        async with member_stub(address, credentials) as stub:
            return await _status(stub, address.name, seconds)

    said = await asyncio.gather(*(one(address) for address in voters))
    replies = tuple(answer for answer in said if isinstance(answer, StatusReply))
    silent = tuple(answer for answer in said if isinstance(answer, Silent))
    return Answers(pool, replies, silent, local=False, at=boottime())


async def _status(stub: ControlStub, who: str, seconds: float) -> StatusReply | Silent:
    try:
        # The outer limit: gRPC's own deadline does not cover a resolver that hangs.
        async with asyncio.timeout(seconds + 0.1):
            reply: StatusReply = await stub.Status(StatusRequest(), timeout=seconds)
    except grpc.aio.AioRpcError as error:
        return Silent(who, words_of(error))
    except TimeoutError:
        return Silent(who, "no answer in time")
    return reply


def words_of(error: grpc.aio.AioRpcError) -> str:
    """Why a call failed, in words an administrator knows."""
    details = (error.details() or "").lower()
    if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        return "no answer in time"
    if error.code() is grpc.StatusCode.UNAVAILABLE:
        for sign, words in _SIGNS:
            if sign in details:
                return words
        return "not reachable"
    if error.code() is grpc.StatusCode.UNIMPLEMENTED:
        return "something answers there that is no hadelect of this version"
    return error.details() or error.code().name.lower().replace("_", " ")


# What gRPC says of the world, lower case, most telling first.
_SIGNS = (
    ("connection refused", "connection refused: nothing runs there"),
    ("no route to host", "no route to host"),
    ("network is unreachable", "network unreachable"),
    ("permission denied", "permission denied"),
    ("domain name not found", "its name does not resolve"),
    ("name resolution", "its name does not resolve"),
    ("dns", "its name does not resolve"),
    ("ssl", "TLS handshake failed: do HAD_TLS_CERT and HAD_TLS_CA fit on both sides?"),
    ("tls", "TLS handshake failed: do HAD_TLS_CERT and HAD_TLS_CA fit on both sides?"),
    ("handshake", "TLS handshake failed: do HAD_TLS_CERT and HAD_TLS_CA fit on both sides?"),
    ("socket closed", "it hung up: no hadelect, or TLS on one side only"),
    ("connection reset", "it hung up: no hadelect, or TLS on one side only"),
)
