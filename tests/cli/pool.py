"""Members as the command line meets them: real gRPC servers that say what they are told.

What a member would answer is the test's to choose; all between that and the terminal is ours.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from hadelect.pb.control_pb2 import (
    CommandReply,
    ControlleeStatus,
    DrainRequest,
    ExplainReply,
    ExplainRequest,
    HandoverRequest,
    HistoryReply,
    HistoryRequest,
    MemberStatus,
    StatusReply,
    StatusRequest,
)
from hadelect.pb.control_pb2_grpc import ControlServicer, add_ControlServicer_to_server
from hadelect.runtime.archive import excerpt

PROMISE = "never two: NEGOTIATOR runs only with the votes of 2 of 3 voters"


def row(member: str, priority: int | None, **more: object) -> MemberStatus:
    """A fit standby that was heard just now, but for `more`."""
    status = MemberStatus(
        member=member,
        priority=priority,
        primary=priority == 2,
        role="PASSIVE",
        reachable=True,
        fit=True,
        term=7,
        last_heard_seconds=0.1,
        version="0.1.0",
        config_digest="abc",
        witness=priority is None,
        controllee=ControlleeStatus(name="NEGOTIATOR", state="stopped"),
    )
    status.MergeFrom(MemberStatus(**more))  # type: ignore[arg-type]
    for name, value in more.items():  # MergeFrom skips false and empty.
        if isinstance(value, bool | str | int | float):
            setattr(status, name, value)
    return status


def leading(member: str, priority: int, term: int = 7, state: str = "running") -> MemberStatus:
    controllee = ControlleeStatus(
        name="NEGOTIATOR", state=state, pid=4711, since="2026-01-01T00:00:00Z"
    )
    return row(member, priority, role="LEADER", term=term, leader=member, controllee=controllee)


def view(answered_by: str, rows: list[MemberStatus], **more: object) -> StatusReply:
    """What `answered_by` says of the pool; everybody follows whoever leads, unless said."""
    leader = next((r for r in rows if r.role == "LEADER"), None)
    for each in rows:
        if leader is not None and not each.leader:
            each.leader = leader.member
    reply = StatusReply(
        pool="pool.example.org",
        leader=leader.member if leader else "",
        term=leader.term if leader else 7,
        arbitration="majority",
        answered_by=answered_by,
        members=rows,
        promise=PROMISE,
    )
    reply.MergeFrom(StatusReply(**more))  # type: ignore[arg-type]
    return reply


def healthy(names: list[str], answered_by: str, leader: int = 0) -> StatusReply:
    rows = [
        leading(name, 2 - i) if i == leader else row(name, 2 - i) for i, name in enumerate(names)
    ]
    return view(answered_by, rows)


@dataclass
class Member(ControlServicer):
    """One member's Control service; `says` may be changed while it runs."""

    says: StatusReply
    on_handover: Callable[[HandoverRequest], CommandReply] = lambda _: CommandReply(ok=True)
    on_drain: Callable[[DrainRequest], CommandReply] = lambda _: CommandReply(ok=True)
    watchable: bool = True
    explains: dict[str, ExplainReply] = field(default_factory=dict)  # By the name asked for.
    past: Path | None = None  # The file of its history.
    clock_ahead: float = 0.0
    asked: list[object] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    ended: bool = False

    def change(self, says: StatusReply) -> None:
        with self.changed:
            self.says = says
            self.changed.notify_all()

    def Status(self, request: StatusRequest, context: grpc.ServicerContext) -> StatusReply:  # noqa: N802
        return self.says

    def Watch(  # noqa: N802
        self, request: StatusRequest, context: grpc.ServicerContext
    ) -> Iterator[StatusReply]:
        if not self.watchable:
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many watchers")
        said = None
        while context.is_active() and not self.ended:
            with self.changed:
                if self.says is said:
                    self.changed.wait(0.2)
                now = self.says
            if now is not said:
                said = now
                yield said

    def Explain(self, request: ExplainRequest, context: grpc.ServicerContext) -> ExplainReply:  # noqa: N802
        if request.member not in self.explains:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "not in HAD_LIST")
        return self.explains[request.member]

    def History(self, request: HistoryRequest, context: grpc.ServicerContext) -> HistoryReply:  # noqa: N802
        assert self.past is not None
        found = excerpt(self.past, request.cursor, request.since, limit=400)
        return HistoryReply(
            member=self.says.answered_by,
            lines=found.lines,
            cursor=found.cursor,
            more=found.more,
            damaged=found.damaged,
            half_written=found.half_written,
            wall_clock=time.time() + self.clock_ahead,
        )

    def Handover(self, request: HandoverRequest, context: grpc.ServicerContext) -> CommandReply:  # noqa: N802
        self.asked.append(request)
        return self.on_handover(request)

    def Drain(self, request: DrainRequest, context: grpc.ServicerContext) -> CommandReply:  # noqa: N802
        self.asked.append(request)
        return self.on_drain(request)


class Pool:
    """Three entries on loopback, of which a test serves those it wants up."""

    def __init__(self, directory: Path) -> None:
        self.socket = directory / "control.sock"
        self._held = [_held_port() for _ in range(3)]
        self.names = [f"127.0.0.1:{held.getsockname()[1]}" for held in self._held]
        self.config = directory / "hadelect.conf"
        self.config.write_text(
            f"HAD_LIST = {', '.join(self.names)}\nHAD_STATE_DIR = {directory}\n"
            "NEGOTIATOR = /bin/sleep\n"
        )
        self._servers: list[tuple[grpc.Server, Member]] = []
        for held in self._held:
            held.close()
        self._deaf: list[socket.socket] = []

    def member(self, says: StatusReply) -> Member:
        """The local member, on the Unix socket."""
        return self._serve(Member(says), f"unix:{self.socket}")

    def remote(
        self, position: int, says: StatusReply, credentials: grpc.ServerCredentials | None = None
    ) -> Member:
        """A member on its HAD_LIST port; with TLS if it has credentials."""
        return self._serve(Member(says), self.names[position], credentials)

    def deaf(self, position: int) -> None:
        """A host that takes connections and never answers: frozen, or behind a bad firewall."""
        host, port = self.names[position].split(":")
        listener = socket.create_server((host, int(port)))
        self._deaf.append(listener)

    def junk(self, position: int, says: bytes) -> None:
        """Another program has the port: it says this to everybody and hangs up."""
        host, port = self.names[position].split(":")
        listener = socket.create_server((host, int(port)))
        self._deaf.append(listener)

        def serve() -> None:
            while True:
                try:
                    link, _ = listener.accept()
                except OSError:
                    return
                with link:
                    link.sendall(says)

        threading.Thread(target=serve, daemon=True).start()

    def kill(self, member: Member) -> None:
        for server, one in self._servers:
            if one is member:
                one.ended = True
                server.stop(0).wait()

    def close(self) -> None:
        for server, member in self._servers:
            member.ended = True
            server.stop(0).wait()
        for listener in self._deaf:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    def _serve(
        self, member: Member, where: str, credentials: grpc.ServerCredentials | None = None
    ) -> Member:
        server = grpc.server(futures.ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0)])
        add_ControlServicer_to_server(member, server)
        if credentials is None:
            assert server.add_insecure_port(where)
        else:
            assert server.add_secure_port(where, credentials)
        server.start()
        self._servers.append((server, member))
        return member


def _held_port() -> socket.socket:
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    return held
