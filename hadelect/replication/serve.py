"""What other daemons get from this one: the entries of a version, and its blocks.

Law 1: only peers are answered (welcome.py), each with at most UPLOADS at a time.
Law 2: what is served is pinned while it is served; how long that may take is bounded.
Law 3: memory is bounded by a few messages, whatever the size of the state.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import grpc

from hadelect.core.versions import Line, Version
from hadelect.core.vocabulary import Name
from hadelect.pb import replication_pb2 as pb
from hadelect.replication import pieces, words
from hadelect.replication.errors import GoneError, StoreError
from hadelect.replication.manifest import EntryChange, Refused
from hadelect.replication.metrics import Metrics
from hadelect.replication.rate import Rate
from hadelect.replication.store import Store
from hadelect.replication.welcome import Ours, Unwelcome
from hadelect.replication.worker import Worker
from hadelect.runtime.bounds import ProtocolError
from hadelect.runtime.replica_words import put_version, take_version

UPLOADS = 2  # At a time, to one peer.
MOST_WANTED = 256  # Pieces in one question: 256 MiB at most.


class Busy(Exception):
    """Too many at a time."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """What is served from, and how."""

    store: Store
    worker: Worker
    rate: Rate
    rate_in: Rate
    metrics: Metrics
    packed: Callable[[], bool]  # REPLICATION_COMPRESSION.
    lifetime: Callable[[], float]  # MAX_TRANSFER_LIFETIME.


class Uploads:
    """The Changes and Blocks calls of the Replication service."""

    def __init__(self, ours: Ours, shelf: Shelf, host: Callable[[Name], str]) -> None:
        self._ours = ours
        self._shelf = shelf
        self._host = host
        self._running: Counter[Name] = Counter()

    async def changes(
        self, request: pb.ChangesRequest, context: Any
    ) -> AsyncIterator[pb.ChangesPart]:
        async with self._admitted(request.asker, request.version, context) as version:
            store, worker = self._shelf.store, self._shelf.worker
            asked = take_version(request.base) if request.HasField("base") else None
            line, base, source = await worker.do(lambda: opened(store, version, asked))
            part = pb.ChangesPart(
                line=words.put_line(line),
                mac=self._ours.seal.of_line(line),
                base=put_version(base),
            )
            while not part.last:
                batch = await worker.do(lambda: up_to(source, pieces.PART_BYTES))
                part.entries.extend(map(pieces.put_entry, batch))
                part.last = not batch
                await self._paid(part.ByteSize())
                yield part
                part = pb.ChangesPart(last=part.last)

    async def blocks(self, request: pb.BlocksRequest, context: Any) -> AsyncIterator[pb.BlocksPart]:
        async with self._admitted(request.asker, request.version, context) as version:
            if len(request.wanted) > MOST_WANTED:
                raise Refused(f"{len(request.wanted)} pieces, at most {MOST_WANTED} at a time")
            refs = [pieces.take_ref(ref) for ref in request.wanted]
            source = self._shelf.store.read(version, refs)
            packed = request.zstd and self._shelf.packed()

            def read() -> pb.BlocksPart | None:
                found = within(source, pieces.PART_BYTES)
                return pieces.put_pieces(found, packed=packed) if found else None

            async with Ahead(self._shelf.worker, read) as parts:
                async for part in parts:
                    await self._paid(part.ByteSize())
                    yield part

    async def _paid(self, size: int) -> None:
        await self._shelf.rate.take(size)
        self._shelf.metrics.sent(size)

    @contextlib.asynccontextmanager
    async def _admitted(
        self, asker: pb.Asker, asked: pb.Version, context: Any
    ) -> AsyncIterator[Version]:
        """Pinned for this call; what goes wrong in it becomes the call's status."""
        code, why = grpc.StatusCode.OK, ""
        try:
            name = self._ours.answerable(asker)
            self._ours.admit(name, context, self._host(name))
            version = take_version(asked)
            async with self._room(name), self._pinned(version):
                async with asyncio.timeout(self._shelf.lifetime()):
                    yield version
        except Unwelcome as error:
            code, why = grpc.StatusCode.PERMISSION_DENIED, str(error)
        except (ProtocolError, Refused) as error:
            code, why = grpc.StatusCode.INVALID_ARGUMENT, str(error)
        except GoneError as error:
            code, why = grpc.StatusCode.NOT_FOUND, str(error)
        except StoreError as error:
            code, why = grpc.StatusCode.INTERNAL, str(error)
        except Busy as error:
            code, why = grpc.StatusCode.RESOURCE_EXHAUSTED, str(error)
        except TimeoutError:
            code, why = grpc.StatusCode.DEADLINE_EXCEEDED, "MAX_TRANSFER_LIFETIME is over"
        if why:
            self._shelf.metrics.transfer("out", code.name.lower())
            await context.abort(code, why)

    @contextlib.asynccontextmanager
    async def _room(self, name: Name) -> AsyncIterator[None]:
        if self._running[name] >= UPLOADS:
            raise Busy(f"{UPLOADS} transfers to {name} run already")
        self._running[name] += 1
        try:
            yield
        finally:
            self._running[name] -= 1

    @contextlib.asynccontextmanager
    async def _pinned(self, version: Version) -> AsyncIterator[None]:
        store, worker = self._shelf.store, self._shelf.worker
        await worker.do(lambda: store.pin(version))
        try:
            yield
        finally:
            await asyncio.shield(worker.do(lambda: store.unpin(version)))


class Ahead:
    """Reads the next part while the last one is on its way."""

    def __init__(self, worker: Worker, read: Callable[[], pb.BlocksPart | None]) -> None:
        self._worker = worker
        self._read = read
        self._next: asyncio.Task[pb.BlocksPart | None] | None = None

    async def __aenter__(self) -> AsyncIterator[pb.BlocksPart]:
        self._begin()
        return self._parts()

    async def __aexit__(self, *_: object) -> None:
        if self._next is not None:
            self._next.cancel()
            await asyncio.gather(self._next, return_exceptions=True)

    def _begin(self) -> "asyncio.Task[pb.BlocksPart | None]":
        self._next = asyncio.get_running_loop().create_task(self._worker.do(self._read))
        return self._next

    async def _parts(self) -> AsyncIterator[pb.BlocksPart]:
        assert self._next is not None
        while (part := await self._next) is not None:
            self._begin()
            yield part


def opened(
    store: Store, version: Version, asked: Version | None
) -> tuple[Line, Version | None, Iterator[EntryChange]]:
    """Its line, what its changes are relative to, and these. Raises GoneError."""
    line = store.knows(version)
    if line is None:
        raise GoneError(f"version {version} is not kept here any more")
    base = asked if asked is not None and store.knows(asked) is not None else None
    return line, base, store.changes(version, base)


def up_to(source: Iterator[EntryChange], size: int) -> list[EntryChange]:
    """The next of them, about `size` bytes; none: that was all."""
    batch: list[EntryChange] = []
    total = 0
    for change in source:
        batch.append(change)
        total += pieces.weight((change,))
        if total >= size:
            break
    return batch


def within(source: Iterator[bytes], size: int) -> list[bytes]:
    """The next pieces, about `size` bytes; none: that was all."""
    batch: list[bytes] = []
    total = 0
    for piece in source:
        batch.append(piece)
        total += len(piece)
        if total >= size:
            break
    return batch
