"""A gRPC server that no stranger's request can end, and none can make talk.

Law 1: only methods that are registered reach Python. grpc.aio decodes the name of any other method
       in the loop that accepts calls, and a name that is not UTF-8 ends that loop, and with it the
       server, for good (grpcio 1.85). Here a call of an unknown method is dropped unseen: its
       caller is told CANCELLED at once, instead of UNIMPLEMENTED.
Law 2: a request that is none is refused by us. grpc.aio prints a traceback if its caller is gone.
"""

import asyncio
import contextlib
import inspect
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, cast

import grpc
import grpc.aio
from google.protobuf.message import DecodeError
from grpc._cython import cygrpc
from grpc.aio import _server

from hadelect.runtime.channels import Options

Refused = Callable[[], None]


class Core(cygrpc.AioServer):  # type: ignore[misc]  # It has no types.
    """Every method has to be registered (`add_registered_method_handlers`)."""

    refused: Refused

    def _make_request_call_future(self, method_bytes: bytes | None) -> Any:
        """The next call of a method; None: of any that is not registered."""
        if method_bytes is not None:
            return super()._make_request_call_future(method_bytes)
        return asyncio.get_running_loop().create_task(self._drop_unknown())

    async def _drop_unknown(self) -> None:
        """Until the server stops: then the request for a call fails, and the loop above ends."""
        while True:
            await self._request_call()
            self.refused()


def sturdy_server(options: Options, refused: Refused) -> grpc.aio.Server:
    """`refused` is called for each call of a method, or with a request, that is not ours."""
    return cast("grpc.aio.Server", Sturdy(options, refused))


class Sturdy(_server.Server):
    def __init__(self, options: Options, refused: Refused) -> None:
        self._loop = asyncio.get_running_loop()
        self._refused = refused
        self._server = Core(self._loop, None, (), None, tuple(options), None)
        self._server.refused = refused

    def add_registered_method_handlers(
        self, service_name: str, method_handlers: Mapping[str, Any]
    ) -> None:
        guarded = {name: self._guarded(handler) for name, handler in method_handlers.items()}
        super().add_registered_method_handlers(service_name, guarded)

    def _guarded(self, handler: Any) -> Any:
        """The same method, never called with what its deserializer refuses."""
        read = handler.request_deserializer
        if read is None:
            return handler

        def request_or_none(data: bytes) -> Any:
            try:
                return read(data)
            except DecodeError:
                return None

        if handler.unary_unary:
            answer = self._answering(handler.unary_unary)
            return handler._replace(request_deserializer=request_or_none, unary_unary=answer)
        stream = handler.unary_stream
        is_generator = inspect.isasyncgenfunction(stream)
        answer = self._streaming(stream) if is_generator else self._answering(stream)
        return handler._replace(request_deserializer=request_or_none, unary_stream=answer)

    async def _refuse(self, context: Any) -> None:
        self._refused()
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "not a request of this method")

    def _answering(self, method: Any) -> Any:
        async def answer(request: Any, context: Any) -> Any:
            if request is None:
                await self._refuse(context)
            return await method(request, context)

        return answer

    def _streaming(self, method: Any) -> Any:
        async def answers(request: Any, context: Any) -> AsyncIterator[Any]:
            if request is None:
                await self._refuse(context)
            async with contextlib.aclosing(method(request, context)) as replies:
                async for reply in replies:
                    yield reply

        return answers
