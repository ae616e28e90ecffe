"""The HAD beside this daemon: one stream over the Unix socket, dialled by HAD.

Law 1: HAD hears something at least every second; after three without a word it counts us as dead.
Law 2: of two streams the newer one counts: a HAD that was restarted is the HAD.
Law 3: what it must know is said again on every new stream; answers go to the stream that asked.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Any

import grpc

from hadelect.core.replication import effects as do
from hadelect.core.replication.events import Event, Flush, HadGone, Prepare, Told, Unwanted
from hadelect.core.versions import Replica
from hadelect.core.vocabulary import Name, Term
from hadelect.pb import replication_pb2 as pb
from hadelect.replication.words import PROTOCOL, parsed
from hadelect.runtime import replica_words
from hadelect.runtime.bounds import MAX_NUMBER, MAX_WORDS, ProtocolError, bounded, text
from hadelect.runtime.session import STREAM_ERRORS

WORD_SECONDS = 0.8  # Between two words to HAD, at the longest.
LAST_WORD_SECONDS = 0.3
MOST_WAITING = 200  # Words that HAD has not read; then its stream ends.


class Local:
    """To be made inside a running loop."""

    def __init__(
        self,
        pool: str,
        me: Name,
        hear: Callable[[Event], None],
        counts: Callable[[], pb.Counts],
    ) -> None:
        self._pool = pool
        self._me = me
        self._hear = hear
        self._counts = counts
        self._current: Beside | None = None
        self._replica: Replica | None = None
        self.told = Told(None)
        self._flushing = False
        self.note: Callable[[str], None] = lambda _: None

    @property
    def connected(self) -> bool:
        return self._current is not None

    @property
    def controllee_may_run(self) -> bool:
        """It was started under this leadership, and its end was not told."""
        return self.told.leads and self.told.started and not self._flushing

    # --- what the policy says ------------------------------------------------------------------

    def report(self, replica: Replica) -> None:
        self._replica = replica
        if self._current is not None:
            self._current.report(replica)

    def errand_done(self, effect: do.ErrandDone) -> None:
        because = effect.because[:MAX_WORDS]
        if effect.ok:
            self._say(pb.ToHad(done=pb.Done(id=effect.id, because=because)))
        else:
            self._say(pb.ToHad(failed=pb.Failed(id=effect.id, because=because)))

    def tell(self, because: str, *, warning: bool) -> None:
        """What people must know, for HAD's log and history."""
        self._say(pb.ToHad(said=pb.Said(because=because[:MAX_WORDS], warning=warning)))

    def _say(self, word: pb.ToHad) -> None:
        if self._current is not None:
            self._current.say(word)

    def close(self) -> None:
        if self._current is not None:
            self._current.end()

    # --- the stream ----------------------------------------------------------------------------

    async def follow(self, _requests: Any, context: Any) -> None:
        """The Follow call, with words as bytes."""
        if not str(context.peer()).startswith("unix:"):
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "by the Unix socket only")
        beside = Beside(context, self._counts)
        before, self._current = self._current, beside
        if before is not None:
            before.end()
        self.note("the HAD of this member is connected")
        if self._replica is not None:
            beside.report(self._replica)
        why = "it ended the stream"
        try:
            await beside.converse(self._take)
        except ProtocolError as error:
            why = str(error)
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, why)
        finally:
            if self._current is beside:
                self._current, self.told, self._flushing = None, Told(None), False
                self.note(f"the HAD of this member is not connected: {why}")
                self._hear(HadGone())

    def _take(self, data: bytes) -> None:
        """Raises ProtocolError."""
        said = parsed(pb.FromHad, data)
        assert isinstance(said, pb.FromHad)
        if said.protocol != PROTOCOL:
            raise ProtocolError(f"protocol {said.protocol}, we speak {PROTOCOL}: restart both")
        if said.pool != self._pool or said.member != self._me:
            raise ProtocolError(
                f"this is the replication daemon of {self._me} in pool {self._pool}, not of"
                f" {said.member[:255]!r} in {said.pool[:255]!r}"
            )
        event = event_of(said)
        if event is None:
            return  # A later version's word.
        if isinstance(event, Told):
            self.told = event
            self._flushing = self._flushing and event.leads
        if isinstance(event, Flush):
            self._flushing = True
        self._hear(event)


def event_of(said: pb.FromHad) -> Event | None:
    """None: a word that we do not know. Raises ProtocolError."""

    def number(value: int, what: str) -> int:
        return bounded(value, what, MAX_NUMBER)

    match said.WhichOneof("message"):
        case "told":
            told = said.told
            leader = Name(text(told.leader, "leader")) if told.leader else None
            term = Term(number(told.term, "term"))
            return Told(leader, term, leads=told.leads, started=told.started)
        case "prepare":
            ask = said.prepare
            known = replica_words.take_version(ask.known) if ask.HasField("known") else None
            return Prepare(number(ask.id, "id"), Term(number(ask.term, "term")), known)
        case "flush":
            flush = said.flush
            successor = Name(text(flush.successor, "successor")) if flush.successor else None
            return Flush(number(flush.id, "id"), Term(number(flush.term, "term")), successor)
        case "cancel":
            return Unwanted(number(said.cancel.id, "id"))
    return None


class Beside:
    """One stream of HAD's."""

    def __init__(self, stream: Any, counts: Callable[[], pb.Counts]) -> None:
        self._stream = stream
        self._counts = counts
        self._waiting: deque[pb.ToHad] = deque()
        self._replica: Replica | None = None
        self._wanted = asyncio.Event()
        self._ended = asyncio.Event()

    def report(self, replica: Replica) -> None:
        """A newer one replaces one that still waits."""
        self._replica = replica
        self._wanted.set()

    def say(self, word: pb.ToHad) -> None:
        self._waiting.append(word)
        self._wanted.set()
        if len(self._waiting) > MOST_WAITING:
            self.end()

    def end(self) -> None:
        self._ended.set()

    async def converse(self, take: Callable[[bytes], None]) -> None:
        """Until either side ends it. Raises ProtocolError."""
        loop = asyncio.get_running_loop()
        ended = loop.create_task(self._ended.wait())
        reader = loop.create_task(self._read_all(take))
        writer = loop.create_task(self._write_all())
        tasks = (ended, reader, writer)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:  # A write that is broken off would leave no room for the call's own last word.
            self._ended.set()
            self._wanted.set()
            await asyncio.wait((writer,), timeout=LAST_WORD_SECONDS)
            for task in tasks:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, Exception) and not isinstance(outcome, STREAM_ERRORS):
                raise outcome

    async def _read_all(self, take: Callable[[bytes], None]) -> None:
        while True:
            data = await self._stream.read()
            if not isinstance(data, bytes):
                return
            take(data)

    async def _write_all(self) -> None:
        loop = asyncio.get_running_loop()
        counts_at = loop.time() + WORD_SECONDS
        while not self._ended.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(WORD_SECONDS):
                    await self._wanted.wait()
            if loop.time() >= counts_at:  # However often there is something else to say.
                counts_at = loop.time() + WORD_SECONDS
                await self._write(pb.ToHad(counts=self._counts()))
            self._wanted.clear()
            # What was reported comes before the answer that it belongs to.
            replica, self._replica = self._replica, None
            if replica is not None:
                await self._write(pb.ToHad(replica=replica_words.put(replica)))
            while self._waiting:
                await self._write(self._waiting.popleft())

    async def _write(self, word: pb.ToHad) -> None:
        await self._stream.write(word.SerializeToString())
