"""One stream between two members, from the first message after the Hellos to its end.

Law 1: it ends by itself, by the peer, or by `end`; however it ends, `converse` returns the reason.
Law 2: a stream on which nothing was heard for a lease is given up at the second look, so that a
       stall of our own is not taken for the peer's.
Law 3: what the peer sends wrong ends the stream and is counted; it never raises beyond here.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from typing import Protocol

import grpc
import grpc.aio

from hadelect.core.messages import Message
from hadelect.runtime.metrics import Metrics
from hadelect.runtime.outbox import Outbox, Overflow
from hadelect.runtime.wire import Opened, ProtocolError, Wire

FLUSH_SECONDS = 0.3

# What gRPC raises when a stream is over, however that came about.
STREAM_ERRORS = (
    grpc.RpcError,
    grpc.aio.BaseError,
    grpc.aio.UsageError,
    asyncio.InvalidStateError,
)


class Stream(Protocol):
    """Either side of a gRPC stream of bytes."""

    async def read(self) -> object: ...
    async def write(self, message: bytes, /) -> None: ...


class HalfClosable(Protocol):
    """The dialler's side can say that it has said all."""

    async def done_writing(self) -> None: ...


class StreamEnded(Exception):
    """The other side ended the stream, or the connection is gone."""


def reason(error: BaseException) -> str:
    """Why a stream or a call failed, as short as an administrator needs it."""
    if isinstance(error, grpc.aio.AioRpcError):
        details = error.details() or ""
        if "Internal error from Core" in details:  # gRPC's words for it.
            return "the connection broke"
        if error.code() is grpc.StatusCode.UNAVAILABLE and details:
            return details.rpartition(": ")[2].lower()  # "connection refused"
        return f"{error.code().name}: {details}" if details else error.code().name
    return str(error) or type(error).__name__


async def receive(stream: Stream, wire: Wire) -> Opened:
    """The next envelope. Raises StreamEnded, ProtocolError."""
    try:
        data = await stream.read()
    except STREAM_ERRORS as error:
        raise StreamEnded(reason(error)) from None
    if not isinstance(data, bytes):
        raise StreamEnded("the peer ended the stream")
    return wire.decode(data)


async def say(stream: Stream, data: bytes) -> None:
    """Raises StreamEnded."""
    try:
        await stream.write(data)
    except STREAM_ERRORS as error:
        raise StreamEnded(reason(error)) from None


class Session:
    """A stream in use. `hear` is called with every envelope, in order."""

    def __init__(self, stream: Stream, wire: Wire, metrics: Metrics) -> None:
        self._stream = stream
        self._wire = wire
        self._metrics = metrics
        self._outbox = Outbox()
        self._idle = asyncio.Event()
        self._idle.set()
        self._ended = asyncio.get_running_loop().create_future()
        self._now = asyncio.get_running_loop().time
        self.began = self.heard_at = self._now()
        self._suspect = False

    @property
    def age(self) -> float:
        """Seconds."""
        return self._now() - self.began

    def put(self, message: Message) -> None:
        """Queue a message; a peer that does not read loses its stream."""
        try:
            self._outbox.put(message)
            self._idle.clear()
        except Overflow as overflow:
            self._metrics.message(type(message).__name__, "out", "overflow")
            self.end(f"it does not read: {overflow}")

    def end(self, because: str) -> None:
        """Give the stream up, at once."""
        if not self._ended.done():
            self._ended.set_result(because)

    def look(self, patience: float) -> None:
        """End it if nothing was heard for `patience` seconds, now and at the last look."""
        if self._now() - self.heard_at < patience:
            self._suspect = False
        elif self._suspect:
            self.end(f"nothing heard on it for {self._now() - self.heard_at:.1f} s")
        else:
            self._suspect = True

    async def finish(self, call: HalfClosable | None = None) -> None:
        """Say what is queued, for a bounded time, then end. `call`: the stream, if we dialled it.

        A dialler that just cancelled its call could take back what the peer has not read yet.
        """
        with contextlib.suppress(TimeoutError, *STREAM_ERRORS):
            async with asyncio.timeout(FLUSH_SECONDS):
                await self._idle.wait()
                if call is not None:
                    await call.done_writing()
                    await asyncio.shield(self._ended)
        self.end("finished")

    async def converse(self, hear: Callable[[Opened], None]) -> str:
        """Read and write until the end; returns why it ended."""
        reader = asyncio.create_task(self._read_all(hear))
        writer = asyncio.create_task(self._write_all())
        try:
            await asyncio.wait((reader, writer, self._ended), return_when=asyncio.FIRST_COMPLETED)
        finally:
            reader.cancel()
            writer.cancel()
            outcomes = await asyncio.gather(reader, writer, return_exceptions=True)
        if self._ended.done():
            return str(self._ended.result())
        self._ended.set_result("over")
        return self._why(outcomes)

    def _why(self, outcomes: Iterable[BaseException]) -> str:
        """The first expected reason; whatever is unexpected is our own bug and is raised."""
        words = ""
        for outcome in outcomes:
            if isinstance(outcome, ProtocolError):
                self._metrics.message("unknown", "in", "refused")
                words = words or f"protocol error: {outcome}"
            elif isinstance(outcome, StreamEnded):
                words = words or str(outcome)
            elif not isinstance(outcome, asyncio.CancelledError):
                raise outcome
        return words or "cancelled"

    async def _read_all(self, hear: Callable[[Opened], None]) -> BaseException:
        while True:
            opened = await receive(self._stream, self._wire)
            self.heard_at = self._now()
            self._metrics.message(type(opened.message).__name__, "in", "ok")
            hear(opened)

    async def _write_all(self) -> BaseException:
        while True:
            message = await self._outbox.get()
            await say(self._stream, self._wire.encode(message))
            self._metrics.message(type(message).__name__, "out", "ok")
            if not len(self._outbox):
                self._idle.set()
