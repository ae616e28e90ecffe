"""Operators' commands: carried out here, or forwarded to the member they are meant for.

Law 1: forwarded once. A member that is asked by another one obeys or refuses, it asks nobody else.
Law 2: every command is answered in bounded time, with what was done or why not.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio

from hadelect.core.events import Drain, Handover
from hadelect.core.state import State
from hadelect.core.vocabulary import Name, Role, Rules
from hadelect.pb.control_pb2 import (
    CommandReply,
    DrainRequest,
    ExplainReply,
    HandoverRequest,
    StatusReply,
)
from hadelect.pb.election_pb2 import OperateRequest
from hadelect.runtime import channels
from hadelect.runtime.driver import Driver
from hadelect.runtime.explaining import explain_reply
from hadelect.runtime.greeting import admits
from hadelect.runtime.peers import caller
from hadelect.runtime.reload import printable
from hadelect.runtime.resolver import AddressBook, Unresolvable
from hadelect.runtime.session import reason
from hadelect.runtime.status import leads_or_follows
from hadelect.runtime.wire import PROTOCOL, Wire

OPERATE = "/hadelect.v1.Election/Operate"
FORWARD_SLACK = 1.0  # Seconds that a forwarded command may take longer than here.
MAX_WAIT = 3600.0
MAX_REASON = 500


@dataclass(frozen=True, slots=True)
class Office:
    """What the desk needs of the rest."""

    driver: Driver
    wire: Wire
    book: AddressBook
    tls: channels.Credentials | None
    status: Callable[[], StatusReply]
    patience: Callable[[], float]  # Seconds for a handover when the operator names none.


class Desk:
    def __init__(self, office: Office) -> None:
        self._office = office
        self._driver = office.driver
        self.me = office.driver.rules.me

    @property
    def _rules(self) -> Rules:
        return self._driver.rules

    def status(self) -> StatusReply:
        return self._office.status()

    def explain(self, member: str) -> ExplainReply | None:
        """Of this member or of a peer; None for a stranger."""
        name = Name(member or self.me)
        if name not in self._rules.voters:
            return None
        return explain_reply(self._rules, self._driver.state, name, self._driver.now)

    @property
    def voters(self) -> tuple[Name, ...]:
        return self._rules.voters

    # --- asked by an operator ------------------------------------------------------------------

    async def handover(self, request: HandoverRequest) -> CommandReply:
        state = self._driver.state
        if state.role is Role.LEADER:
            return await self._hand_over(request)
        if state.leader is None or not leads_or_follows(state, self._driver.now):
            return self._reply(False, "there is no leader that could hand over; see `status`")
        forwarded = OperateRequest(handover=request)
        return await self._forward(state.leader, forwarded, self._wait(request))

    async def drain(self, request: DrainRequest) -> CommandReply:
        member = Name(request.member or self.me)
        if member == self.me:
            return await self._drain(request)
        if member not in self._rules.voters:
            return self._reply(
                False, f"{member} is not in HAD_LIST ({', '.join(self._rules.voters)})"
            )
        return await self._forward(member, OperateRequest(drain=request), self._office.patience())

    # --- asked by another member ---------------------------------------------------------------

    async def operate(self, request: OperateRequest, context: Any) -> CommandReply:
        """The Operate call of the Election service."""
        refusal = self._stranger(request, context)
        if refusal:
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, refusal)
        match request.WhichOneof("command"):
            case "handover":
                return await self._hand_over(request.handover)
            case "drain" if request.drain.member in ("", self.me):
                return await self._drain(request.drain)
            case _:
                return self._reply(False, f"{self.me} cannot do this; upgrade it, or ask another")

    def _stranger(self, request: OperateRequest, context: Any) -> str:
        """Why this caller may not forward commands; empty = it may."""
        if not caller(context):
            return "members come by TCP"
        if request.protocol != PROTOCOL or request.identity_digest != self._office.wire.digest:
            return "another identity or protocol: compare `hadelect status` of both"
        if request.sender not in self._rules.peers:
            return f"{request.sender[:255]} is not in HAD_LIST"
        if self._office.tls is None:
            return ""
        names = channels.certified_names(context.auth_context())
        host = self._office.book.host(Name(request.sender))
        return "" if admits(names, host) else f"its certificate is not for {host}"

    # --- done here -----------------------------------------------------------------------------

    async def _hand_over(self, request: HandoverRequest) -> CommandReply:
        because = _because(request.reason, request.operator, "handover")
        wait = self._wait(request)

        def event(number: int) -> Handover:
            to = Name(request.to) if request.to else None
            return Handover(number, to, because, request.force, request.dry_run)

        before = self._driver.state.term
        try:
            async with asyncio.timeout(wait):
                answer = await self._driver.ask(event, request.operator[:MAX_REASON])
                if not answer.ok or request.dry_run:
                    return self._reply(answer.ok, answer.text)
                state = await self._driver.until(lambda s: self._taken_over(s, before))
        except TimeoutError:
            return self._reply(False, f"not over after {wait:g} s; see `status`")
        return self._reply(True, f"{state.leader} leads term {state.term}")

    def _taken_over(self, state: State, before: int) -> bool:
        return state.term > before and leads_or_follows(state, state.now)

    async def _drain(self, request: DrainRequest) -> CommandReply:
        because = _because(request.reason, request.operator, "no reason given")

        def event(number: int) -> Drain:
            return Drain(number, not request.undrain, because, request.force)

        patience = self._office.patience()
        try:
            async with asyncio.timeout(patience):
                answer = await self._driver.ask(event, request.operator[:MAX_REASON])
        except TimeoutError:
            return self._reply(False, f"not over after {patience:g} s; see `status`")
        return self._reply(answer.ok, answer.text)

    # --- forwarding ----------------------------------------------------------------------------

    async def _forward(self, to: Name, request: OperateRequest, wait: float) -> CommandReply:
        wire, rules = self._office.wire, self._rules
        request.pool, request.sender = rules.identity.pool, self.me
        request.protocol, request.identity_digest = PROTOCOL, wire.digest
        book = self._office.book
        options = channels.channel_options(rules.heartbeat_ms, rules.lease_ms)
        try:
            endpoint = book.endpoint(to) or await book.refresh(to, FORWARD_SLACK)
            host = book.host(to)
            async with channels.dial(endpoint, host, options, self._office.tls) as channel:
                call = channel.unary_unary(
                    OPERATE,
                    request_serializer=OperateRequest.SerializeToString,
                    response_deserializer=CommandReply.FromString,
                )
                reply: CommandReply = await call(request, timeout=wait + FORWARD_SLACK)
        except (grpc.aio.AioRpcError, Unresolvable) as error:
            return self._reply(False, f"{to} could not be asked: {reason(error)}")
        return reply

    def _wait(self, request: HandoverRequest) -> float:
        asked = request.wait_seconds
        return min(asked, MAX_WAIT) if asked > 0 else self._office.patience()

    def _reply(self, ok: bool, text: str) -> CommandReply:
        state = self._driver.state
        leader = state.leader if leads_or_follows(state, self._driver.now) else None
        return CommandReply(ok=ok, text=text, leader=leader or "")


def _because(why: str, operator: str, otherwise: str) -> str:
    """What the history will say; cut, and printable."""
    said = (why or otherwise)[:MAX_REASON]
    words = f"{said} ({operator[:100]})" if operator else said
    return printable(words)
