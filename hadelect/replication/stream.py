"""One stream between two replication daemons, from the first word after the greetings to its end.

Law 1: every word is sealed for this stream and its place in it; the first that is not ends it.
Law 2: an advert that still waits is replaced by a newer one: a peer that does not read costs one.
Law 3: however it ends, `converse` returns the reason; what a peer sends never raises beyond it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hadelect.core.replication.messages import Advert
from hadelect.core.vocabulary import Name
from hadelect.pb import replication_pb2 as pb
from hadelect.replication import words
from hadelect.replication.seal import Seal, same
from hadelect.replication.words import PROTOCOL, Opened
from hadelect.runtime.bounds import ProtocolError
from hadelect.runtime.session import STREAM_ERRORS, StreamEnded, reason

SILENT_SECONDS = 10.0  # Nothing heard for so long: the stream is dead, whatever TCP says.


@dataclass(frozen=True, slots=True)
class Pen:
    """What a daemon puts on every word."""

    pool: str
    me: Name
    seal: Seal

    def word(self, said: bytes, stream: bytes, number: int) -> bytes:
        seal = self.seal.of_word(stream, self.me, number, said)
        word = pb.Word(pool=self.pool, sender=self.me, protocol=PROTOCOL, seal=seal, said=said)
        return word.SerializeToString()

    def sealed(self, opened: Opened, stream: bytes, number: int) -> bool:
        expected = self.seal.of_word(stream, opened.sender, number, opened.said)
        return same(opened.seal, expected)


async def hear(stream: Any) -> Opened:
    """The next word. Raises StreamEnded, ProtocolError."""
    try:
        data = await stream.read()
    except STREAM_ERRORS as error:
        raise StreamEnded(reason(error)) from None
    if not isinstance(data, bytes):
        raise StreamEnded("the peer ended the stream")
    return words.open_word(data)


async def say(stream: Any, data: bytes) -> None:
    """Raises StreamEnded."""
    try:
        await stream.write(data)
    except STREAM_ERRORS as error:
        raise StreamEnded(reason(error)) from None


class Conversation:
    """Adverts both ways, after both greetings."""

    def __init__(self, stream: Any, pen: Pen, peer: Name, greetings: tuple[bytes, bytes]) -> None:
        """`greetings`: what the dialler said, then what the other side said."""
        self._stream = stream
        self._pen = pen
        self._peer = peer
        self._transcript = b"".join(len(said).to_bytes(4, "big") + said for said in greetings)
        self._waiting: Advert | None = None
        self._wanted = asyncio.Event()
        self._ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def put(self, advert: Advert) -> None:
        self._waiting = advert
        self._wanted.set()

    def end(self, because: str) -> None:
        if not self._ended.done():
            self._ended.set_result(because)

    async def converse(self, heard: Callable[[Advert], None]) -> str:
        """Read and write until the end; returns why it ended."""
        loop = asyncio.get_running_loop()
        reader = loop.create_task(self._read_all(heard))
        writer = loop.create_task(self._write_all())
        try:
            await asyncio.wait((reader, writer, self._ended), return_when=asyncio.FIRST_COMPLETED)
        finally:
            reader.cancel()
            writer.cancel()
            outcomes = await asyncio.gather(reader, writer, return_exceptions=True)
        if self._ended.done():
            return self._ended.result()
        self._ended.set_result("over")
        for outcome in outcomes:
            if isinstance(outcome, StreamEnded | ProtocolError):
                return str(outcome)
            if not isinstance(outcome, asyncio.CancelledError):
                assert isinstance(outcome, BaseException)
                raise outcome
        return "cancelled"

    async def _read_all(self, heard: Callable[[Advert], None]) -> None:
        number = 1
        while True:
            try:
                async with asyncio.timeout(SILENT_SECONDS):
                    opened = await hear(self._stream)
            except TimeoutError:
                raise StreamEnded(f"nothing heard for {SILENT_SECONDS:g} s") from None
            if opened.sender != self._peer:
                raise ProtocolError(f"{opened.sender} speaks on the stream of {self._peer}")
            if not self._pen.sealed(opened, self._transcript, number):
                raise ProtocolError(f"a word of {self._peer} has a wrong seal: altered or replayed")
            number += 1
            heard(words.take_advert(opened.said))

    async def _write_all(self) -> None:
        number = 1
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            advert, self._waiting = self._waiting, None
            assert advert is not None
            data = self._pen.word(words.put_advert(advert), self._transcript, number)
            number += 1
            await say(self._stream, data)
