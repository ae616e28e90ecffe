"""Getting a version from another daemon: its entries, then the blocks that are not here.

Law 1: nothing that comes is believed: the version by its seal, the entries by the version's digest,
       each block by its own (the store looks at those two); what is wrong ends this transfer.
Law 2: what has come stays: a transfer that ended early goes on where it stopped.
Law 3: a peer that stops sending costs IDLE_SECONDS, one that never ends MAX_TRANSFER_LIFETIME.
Law 4: memory is bounded by a few messages, whatever the size of the state.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import DecodeError

from hadelect.core.versions import Line, Version
from hadelect.core.vocabulary import Name
from hadelect.pb import replication_pb2 as pb
from hadelect.replication import pieces, words
from hadelect.replication.errors import GoneError
from hadelect.replication.manifest import BlockRef, Refused
from hadelect.replication.seal import same
from hadelect.replication.serve import MOST_WANTED, Shelf
from hadelect.replication.store import Reception
from hadelect.replication.watch import Watches
from hadelect.replication.welcome import Ours
from hadelect.runtime.bounds import ProtocolError
from hadelect.runtime.replica_words import put_version, take_version
from hadelect.runtime.resolver import Unresolvable
from hadelect.runtime.session import STREAM_ERRORS, reason

CHANGES = "/hadelect.v1.Replication/Changes"
BLOCKS = "/hadelect.v1.Replication/Blocks"
IDLE_SECONDS = 15.0  # Its store may be busy with a snapshot.
QUESTION_BYTES = 32 * 1024  # Of the paths in one question for blocks.


class PeerError(Exception):
    """The peer does not answer, or what it sent is not what it should be; in words."""


@dataclass(slots=True)
class Progress:
    source: Name
    version: Version
    began: float  # Of the loop's clock.
    got: int = 0  # Bytes of content.
    of: int = 0  # 0: not known yet.


class Downloads:
    """One at a time, as the policy asks for them."""

    def __init__(self, ours: Ours, watches: Watches, shelf: Shelf) -> None:
        self._ours = ours
        self._watches = watches
        self._shelf = shelf
        self.progress: Progress | None = None
        self.changed: Callable[[], None] = lambda: None

    async def fetch(self, source: Name, line: Line) -> None:
        """Whole, verified and durable when it returns. Raises PeerError, GoneError, StoreError."""
        began = asyncio.get_running_loop().time()
        self.progress = Progress(source, line.version, began)
        result = "failed"
        try:
            await self._bounded(source, line)
            result = "ok"
        except (Refused, ProtocolError) as error:
            self._shelf.metrics.refused("transfer")
            result = "refused"
            raise PeerError(f"what {source} sent of {line.version} is refused: {error}") from None
        except Unresolvable as error:
            raise PeerError(str(error)) from None
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                raise GoneError(f"{source}: {error.details()}") from None
            raise PeerError(f"{source}: {reason(error)}") from None
        except STREAM_ERRORS as error:
            raise PeerError(f"{source}: {reason(error)}") from None
        finally:
            self.progress = None
            self._shelf.metrics.transfer("in", result)
            self.changed()

    async def _bounded(self, source: Name, line: Line) -> None:
        limit = self._shelf.lifetime()
        try:
            async with asyncio.timeout(limit):
                await self._fetch(source, line)
        except TimeoutError:
            raise PeerError(
                f"{line.version} from {source} took longer than MAX_TRANSFER_LIFETIME"
                f" ({limit:g} s); it goes on where it stopped"
            ) from None

    async def _fetch(self, source: Name, line: Line) -> None:
        worker = self._shelf.worker
        life = self._watches.life(source)
        if not life:
            raise PeerError(f"{source} is not connected: {self._watches.trouble(source)}")
        asker = self._ours.asker(life)
        async with await self._watches.channel(source) as channel:
            reception = await self._entries(channel, asker, source, line)
            try:
                await self._missing(channel, asker, reception, line)
                await worker.do(reception.complete)
            finally:
                await asyncio.shield(worker.do(reception.close))

    # --- entries -------------------------------------------------------------------------------

    async def _entries(
        self, channel: grpc.aio.Channel, asker: pb.Asker, source: Name, line: Line
    ) -> Reception:
        held = self._shelf.store.held
        base = held.version if held is not None else None
        request = pb.ChangesRequest(
            asker=asker, version=put_version(line.version), base=put_version(base)
        )
        reception: Reception | None = None
        ended = False
        try:
            async for data in self._answers(channel, CHANGES, request):
                part = parsed(pb.ChangesPart, data)
                if reception is None:
                    reception = await self._begin(part, line, base)
                await self._take_entries(reception, part)
                ended = part.last
            if reception is None or not ended:
                raise Refused("its entries break off")
        except BaseException:
            if reception is not None:
                await asyncio.shield(self._shelf.worker.do(reception.close))
            raise
        return reception

    async def _begin(self, part: pb.ChangesPart, line: Line, base: Version | None) -> Reception:
        if words.take_line(part.line) != line:
            raise Refused("another version than the one asked for")
        if not same(part.mac, self._ours.seal.of_line(line)):
            raise Refused("its seal is wrong: another REPLICATION_KEY_FILE, or forged")
        used = take_version(part.base) if part.HasField("base") else None
        if used is not None and used != base:
            raise Refused("relative to a version that is not the one named")
        store = self._shelf.store
        return await self._shelf.worker.do(lambda: store.receive(line, used))

    async def _take_entries(self, reception: Reception, part: pb.ChangesPart) -> None:
        changes = [pieces.take_entry(entry) for entry in part.entries]

        def take() -> None:
            for change in changes:
                reception.entry(change)

        await self._shelf.worker.do(take)

    # --- blocks --------------------------------------------------------------------------------

    async def _missing(
        self, channel: grpc.aio.Channel, asker: pb.Asker, reception: Reception, line: Line
    ) -> None:
        worker = self._shelf.worker
        wanted = await worker.do(lambda: Questions(reception))
        assert self.progress is not None
        self.progress.of = reception.bytes_missing
        while refs := await worker.do(wanted.next):
            request = pb.BlocksRequest(
                asker=asker,
                version=put_version(line.version),
                wanted=[pieces.put_ref(ref) for ref in refs],
                zstd=True,
            )
            async for data in self._answers(channel, BLOCKS, request):
                part = parsed(pb.BlocksPart, data)
                found = pieces.take_pieces(part, refs)
                await self._put(reception, refs[: len(found)], list(found))
                refs = refs[len(found) :]
            if refs:
                raise Refused(f"its blocks break off, {len(refs)} pieces are missing")

    async def _put(self, reception: Reception, refs: list[BlockRef], found: list[bytes]) -> None:
        def put() -> None:
            for ref, data in zip(refs, found, strict=True):
                reception.block(ref, data)

        await self._shelf.worker.do(put)
        assert self.progress is not None
        self.progress.got += sum(map(len, found))
        self.changed()

    # --- both ----------------------------------------------------------------------------------

    async def _answers(
        self, channel: grpc.aio.Channel, method: str, request: Any
    ) -> AsyncIterator[bytes]:
        """The messages of the answer. Raises PeerError, and what gRPC raises."""
        ask: Any = channel.unary_stream(method, request_serializer=type(request).SerializeToString)
        call = ask(request)
        try:
            while True:
                try:
                    async with asyncio.timeout(IDLE_SECONDS):
                        data = await call.read()
                except TimeoutError:
                    raise PeerError(f"it sent nothing for {IDLE_SECONDS:g} s") from None
                if not isinstance(data, bytes):
                    return
                self._shelf.metrics.got(len(data))
                await self._shelf.rate_in.take(len(data))
                yield data
        finally:
            call.cancel()


class Questions:
    """What is missing, in questions for blocks. Used in the store's thread only."""

    def __init__(self, reception: Reception) -> None:
        """Takes what this disk has; may be long. Raises Refused, StoreError."""
        self._refs: Iterator[BlockRef] = reception.missing()
        self._first = list(itertools.islice(self._refs, 1))

    def next(self) -> list[BlockRef]:
        batch, self._first = self._first, []
        size = sum(len(ref.path) for ref in batch)
        while len(batch) < MOST_WANTED and size < QUESTION_BYTES:
            ref = next(self._refs, None)
            if ref is None:
                break
            batch.append(ref)
            size += len(ref.path) + 16
        return batch


def parsed(kind: Any, data: bytes) -> Any:
    """Raises ProtocolError."""
    try:
        return kind.FromString(data)
    except DecodeError:
        raise ProtocolError(f"not a {kind.__name__} of hadelect") from None
