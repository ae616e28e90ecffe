"""The replication daemon beside us, as HAD sees it: one stream over its Unix socket, for ever.

Law 1: either side may be restarted alone. What was asked and not answered is asked again; what the
       daemon must know of the leadership is the first word of every stream.
Law 2: a daemon from which nothing was heard for SILENT_SECONDS (it says something every second)
       does not answer: its copy keeps its version, but nobody is to be started on it.
Law 3: every errand ends: done, failed, or unknown because the daemon is silent.
Law 4: what it says is checked as if a stranger said it; junk ends the stream, not this process.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import grpc
import grpc.aio
from google.protobuf.message import DecodeError
from tenacity import AsyncRetrying, retry_if_exception_type, wait_exponential

from hadelect.config.model import Config
from hadelect.core.effects import Cancel, Emit, Run
from hadelect.core.events import Event, Ran, ReplicaChanged, ReplicationSaid
from hadelect.core.replication.events import Told
from hadelect.core.state import State
from hadelect.core.state_gate import UNKNOWN_YET, newest_heard, told_of
from hadelect.core.versions import Replica
from hadelect.core.vocabulary import Errand, Outcome, Rules
from hadelect.pb import replication_pb2 as pb
from hadelect.runtime import replica_words
from hadelect.runtime.bounds import ProtocolError, words
from hadelect.runtime.driver import Driver
from hadelect.runtime.session import STREAM_ERRORS, reason

FOLLOW = "/hadelect.v1.Local/Follow"
PROTOCOL = 1
SILENT_SECONDS = 3.0
FIRST_BACKOFF, LONGEST_BACKOFF = 0.05, 1.0  # Seconds between two attempts to reach it.


class Unanswered(Exception):
    """There was no conversation."""


class Counting(Protocol):
    """Where the daemon's own counts are shown (replica_metrics.py)."""

    def count(self, counts: pb.Counts) -> None: ...


@dataclass(frozen=True, slots=True)
class Beside:
    """Who we are to the daemon beside us."""

    rules: Callable[[], Rules]  # The ones in force.
    socket: Path
    flush_seconds: float
    look: Callable[[], State]  # The member's state at this moment.


class ReplicationClient:
    """A port for errands, and an observer of the driver. `keep` is its life."""

    def __init__(self, beside: Beside, hear: Callable[[Event], None], counting: Counting) -> None:
        self._beside = beside
        self._hear = hear
        self._counting = counting
        self._replica = UNKNOWN_YET  # As HAD sees it until the daemon says anything.
        self._outbox: asyncio.Queue[pb.FromHad] | None = None  # Of the stream, if there is one.
        self._told: pb.Told | None = None  # The last word on it.
        self._answers = False  # It has said something on it.
        self._asked: dict[int, Run] = {}
        self._limits: dict[int, asyncio.TimerHandle] = {}
        self.asides = 0  # Lines that the daemon keeps aside here.

    # --- what the driver wants -----------------------------------------------------------------

    def run(self, effect: Run) -> None:
        self._asked[effect.id] = effect
        loop = asyncio.get_running_loop()
        if self._outbox is not None:
            self._tell(self._beside.look())
            self._say(self._question(effect))
        if effect.errand is Errand.FLUSH_STATE:
            seconds = self._beside.flush_seconds
            self._limits[effect.id] = loop.call_later(seconds, self._too_late, effect.id)
        loop.call_later(SILENT_SECONDS, self._look_again, effect.id)

    def cancel(self, effect: Cancel) -> None:
        if self._over(effect.id) is not None:
            self._say(self._word(cancel=pb.Cancel(id=effect.id)))

    # --- Observer ------------------------------------------------------------------------------

    def emit(self, effect: Emit, operator: str) -> None:
        """Words are for people."""

    def late(self, seconds: float) -> None:
        """Lateness is for the metrics."""

    def stepped(self, old: State, new: State) -> None:
        if self._outbox is not None:
            self._tell(new)

    def _tell(self, state: State) -> None:
        told = put_told(told_of(state))
        if told != self._told:
            self._told = told
            self._say(self._word(told=told))

    # --- errands -------------------------------------------------------------------------------

    def _question(self, run: Run) -> pb.FromHad:
        if run.errand is Errand.FLUSH_STATE:
            return self._word(flush=pb.Flush(id=run.id, term=run.term, successor=run.new or ""))
        known = newest_heard(self._beside.rules(), self._beside.look())
        asked = pb.Prepare(id=run.id, term=run.term, known=replica_words.put_version(known))
        return self._word(prepare=asked)

    def _too_late(self, number: int) -> None:
        self._say(self._word(cancel=pb.Cancel(id=number)))
        limit = f"not done in {self._beside.flush_seconds:g} s (REPLICATION_FLUSH_TIMEOUT)"
        self._end(number, Outcome.FAILED, limit)

    def _look_again(self, number: int) -> None:
        """A daemon that answers may take its time; one that does not may have come back by now."""
        if not self._answers:
            self._end(number, Outcome.UNKNOWN, self._silent())

    def _end(self, number: int, outcome: Outcome, because: str) -> None:
        if self._over(number) is not None:
            self._hear(Ran(number, outcome, because))

    def _over(self, number: int) -> Run | None:
        limit = self._limits.pop(number, None)
        if limit is not None:
            limit.cancel()
        return self._asked.pop(number, None)

    # --- the stream ----------------------------------------------------------------------------

    async def keep(self) -> None:
        """Reach it, again and again; never returns."""
        wait = wait_exponential(multiplier=FIRST_BACKOFF, max=LONGEST_BACKOFF)
        while True:
            async for attempt in AsyncRetrying(
                retry=retry_if_exception_type(Unanswered), wait=wait
            ):
                with attempt:
                    await self._visit()
            await asyncio.sleep(FIRST_BACKOFF)

    async def _visit(self) -> None:
        """One stream. Raises Unanswered if nothing came of it: the next one is tried later."""
        options = [("grpc.use_local_subchannel_pool", 1)]
        async with grpc.aio.insecure_channel(f"unix:{self._beside.socket}", options) as channel:
            # What comes back is bytes: junk is ours to see.
            serialize = pb.FromHad.SerializeToString
            follow: Any = channel.stream_stream(FOLLOW, request_serializer=serialize)
            self._begin()
            call = follow(self._words())
            try:
                await self._listen(call)
            except (*STREAM_ERRORS, TimeoutError, ProtocolError) as error:
                if not self._answers:
                    raise Unanswered(reason(error)) from None
            finally:
                call.cancel()
                self._lost()

    async def _listen(self, call: Any) -> None:
        """Until it ends the stream, or says nothing for too long."""
        while True:
            async with asyncio.timeout(SILENT_SECONDS):
                said = await call.read()
            if not isinstance(said, bytes):
                return
            self._take(parsed(said))
            self._answers = True

    def _begin(self) -> None:
        """What it must know comes first, and what it has not answered is asked again."""
        self._outbox, self._told = asyncio.Queue(), None
        self._tell(self._beside.look())
        for run in self._asked.values():
            self._say(self._question(run))

    async def _words(self) -> AsyncIterator[pb.FromHad]:
        outbox = self._outbox
        while outbox is not None:
            yield await outbox.get()

    def _say(self, word: pb.FromHad) -> None:
        if self._outbox is not None:
            self._outbox.put_nowait(word)

    def _word(self, **message: Any) -> pb.FromHad:
        rules = self._beside.rules()
        pool = rules.identity.pool
        return pb.FromHad(pool=pool, member=rules.me, protocol=PROTOCOL, **message)

    def _take(self, said: pb.ToHad) -> None:
        """Raises ProtocolError."""
        match said.WhichOneof("message"):
            case "replica":
                self._changed(replica_words.take(said.replica))
            case "done":
                because = words(said.done.because, "because")
                self._end(said.done.id, Outcome.DONE, because)
            case "failed":
                because = words(said.failed.because, "because")
                self._end(said.failed.id, Outcome.FAILED, because)
            case "counts":
                self.asides = said.counts.asides
                self._counting.count(said.counts)
            case "said":
                self._hear(ReplicationSaid(words(said.said.because, "said"), said.said.warning))
            case _:
                pass  # A later version's word.

    def _changed(self, replica: Replica) -> None:
        if replica != self._replica:
            self._replica = replica
            self._hear(ReplicaChanged(replica))

    def _lost(self) -> None:
        """What was asked is asked again on the next stream, if that comes soon enough."""
        loop = asyncio.get_running_loop()
        if self._answers:
            for number in self._asked:
                loop.call_later(SILENT_SECONDS, self._look_again, number)
        self._outbox, self._answers = None, False
        self._changed(replace(self._replica, ready=False, problem=self._silent()))

    def warning(self) -> str:
        return (
            f"{self.asides} lines of the state that lost are kept aside here:"
            " `hadelect state list` names them, `hadelect state forget` removes one"
        )

    def _silent(self) -> str:
        return (
            f"the replication daemon does not answer on {self._beside.socket}:"
            " start `hadelect replication`, or look at its log"
        )


def parsed(data: bytes) -> pb.ToHad:
    """Raises ProtocolError."""
    try:
        return pb.ToHad.FromString(data)
    except DecodeError:
        raise ProtocolError("not a word of a replication daemon") from None


def put_told(told: Told) -> pb.Told:
    """On the wire."""
    leader = told.leader or ""
    return pb.Told(leader=leader, term=told.term, leads=told.leads, started=told.started)


def client_of(config: Config, driver: Driver, counting: Counting) -> ReplicationClient | None:
    """None: nothing is replicated to this member."""
    spec = config.replication
    if spec is None:
        return None

    def look() -> State:
        return driver.state

    beside = Beside(lambda: driver.rules, config.replication_socket, spec.flush_timeout, look)
    return ReplicationClient(beside, driver.hear, counting)
