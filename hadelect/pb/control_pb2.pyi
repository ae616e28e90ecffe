from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class StatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class StatusReply(_message.Message):
    __slots__ = ("pool", "leader", "term", "arbitration", "answered_by", "members", "warnings", "promise")
    POOL_FIELD_NUMBER: _ClassVar[int]
    LEADER_FIELD_NUMBER: _ClassVar[int]
    TERM_FIELD_NUMBER: _ClassVar[int]
    ARBITRATION_FIELD_NUMBER: _ClassVar[int]
    ANSWERED_BY_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    PROMISE_FIELD_NUMBER: _ClassVar[int]
    pool: str
    leader: str
    term: int
    arbitration: str
    answered_by: str
    members: _containers.RepeatedCompositeFieldContainer[MemberStatus]
    warnings: _containers.RepeatedScalarFieldContainer[str]
    promise: str
    def __init__(self, pool: _Optional[str] = ..., leader: _Optional[str] = ..., term: _Optional[int] = ..., arbitration: _Optional[str] = ..., answered_by: _Optional[str] = ..., members: _Optional[_Iterable[_Union[MemberStatus, _Mapping]]] = ..., warnings: _Optional[_Iterable[str]] = ..., promise: _Optional[str] = ...) -> None: ...

class MemberStatus(_message.Message):
    __slots__ = ("member", "priority", "primary", "role", "reachable", "fit", "unfit_because", "drained", "term", "last_heard_seconds", "version", "config_digest", "witness", "controllee", "mute", "leader", "hears", "replica")
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    PRIMARY_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    REACHABLE_FIELD_NUMBER: _ClassVar[int]
    FIT_FIELD_NUMBER: _ClassVar[int]
    UNFIT_BECAUSE_FIELD_NUMBER: _ClassVar[int]
    DRAINED_FIELD_NUMBER: _ClassVar[int]
    TERM_FIELD_NUMBER: _ClassVar[int]
    LAST_HEARD_SECONDS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CONFIG_DIGEST_FIELD_NUMBER: _ClassVar[int]
    WITNESS_FIELD_NUMBER: _ClassVar[int]
    CONTROLLEE_FIELD_NUMBER: _ClassVar[int]
    MUTE_FIELD_NUMBER: _ClassVar[int]
    LEADER_FIELD_NUMBER: _ClassVar[int]
    HEARS_FIELD_NUMBER: _ClassVar[int]
    REPLICA_FIELD_NUMBER: _ClassVar[int]
    member: str
    priority: int
    primary: bool
    role: str
    reachable: bool
    fit: bool
    unfit_because: str
    drained: bool
    term: int
    last_heard_seconds: float
    version: str
    config_digest: str
    witness: bool
    controllee: ControlleeStatus
    mute: bool
    leader: str
    hears: _containers.RepeatedScalarFieldContainer[str]
    replica: ReplicaStatus
    def __init__(self, member: _Optional[str] = ..., priority: _Optional[int] = ..., primary: _Optional[bool] = ..., role: _Optional[str] = ..., reachable: _Optional[bool] = ..., fit: _Optional[bool] = ..., unfit_because: _Optional[str] = ..., drained: _Optional[bool] = ..., term: _Optional[int] = ..., last_heard_seconds: _Optional[float] = ..., version: _Optional[str] = ..., config_digest: _Optional[str] = ..., witness: _Optional[bool] = ..., controllee: _Optional[_Union[ControlleeStatus, _Mapping]] = ..., mute: _Optional[bool] = ..., leader: _Optional[str] = ..., hears: _Optional[_Iterable[str]] = ..., replica: _Optional[_Union[ReplicaStatus, _Mapping]] = ...) -> None: ...

class ReplicaStatus(_message.Message):
    __slots__ = ("version", "digest", "lag_seconds", "known", "ready", "problem")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    LAG_SECONDS_FIELD_NUMBER: _ClassVar[int]
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    READY_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    version: str
    digest: str
    lag_seconds: float
    known: str
    ready: bool
    problem: str
    def __init__(self, version: _Optional[str] = ..., digest: _Optional[str] = ..., lag_seconds: _Optional[float] = ..., known: _Optional[str] = ..., ready: _Optional[bool] = ..., problem: _Optional[str] = ...) -> None: ...

class CheckStatus(_message.Message):
    __slots__ = ("state", "failures", "because")
    STATE_FIELD_NUMBER: _ClassVar[int]
    FAILURES_FIELD_NUMBER: _ClassVar[int]
    BECAUSE_FIELD_NUMBER: _ClassVar[int]
    state: str
    failures: int
    because: str
    def __init__(self, state: _Optional[str] = ..., failures: _Optional[int] = ..., because: _Optional[str] = ...) -> None: ...

class ControlleeStatus(_message.Message):
    __slots__ = ("name", "state", "pid", "since", "restarts", "check")
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    RESTARTS_FIELD_NUMBER: _ClassVar[int]
    CHECK_FIELD_NUMBER: _ClassVar[int]
    name: str
    state: str
    pid: int
    since: str
    restarts: int
    check: CheckStatus
    def __init__(self, name: _Optional[str] = ..., state: _Optional[str] = ..., pid: _Optional[int] = ..., since: _Optional[str] = ..., restarts: _Optional[int] = ..., check: _Optional[_Union[CheckStatus, _Mapping]] = ...) -> None: ...

class HandoverRequest(_message.Message):
    __slots__ = ("to", "dry_run", "wait_seconds", "reason", "operator", "force")
    TO_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    WAIT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    to: str
    dry_run: bool
    wait_seconds: float
    reason: str
    operator: str
    force: bool
    def __init__(self, to: _Optional[str] = ..., dry_run: _Optional[bool] = ..., wait_seconds: _Optional[float] = ..., reason: _Optional[str] = ..., operator: _Optional[str] = ..., force: _Optional[bool] = ...) -> None: ...

class DrainRequest(_message.Message):
    __slots__ = ("member", "undrain", "reason", "operator", "force")
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    UNDRAIN_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    member: str
    undrain: bool
    reason: str
    operator: str
    force: bool
    def __init__(self, member: _Optional[str] = ..., undrain: _Optional[bool] = ..., reason: _Optional[str] = ..., operator: _Optional[str] = ..., force: _Optional[bool] = ...) -> None: ...

class ReloadRequest(_message.Message):
    __slots__ = ("operator",)
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    operator: str
    def __init__(self, operator: _Optional[str] = ...) -> None: ...

class ReloadReply(_message.Message):
    __slots__ = ("ok", "variables", "problems", "warnings")
    OK_FIELD_NUMBER: _ClassVar[int]
    VARIABLES_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    ok: bool
    variables: _containers.RepeatedCompositeFieldContainer[ReloadedVariable]
    problems: _containers.RepeatedScalarFieldContainer[str]
    warnings: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, ok: _Optional[bool] = ..., variables: _Optional[_Iterable[_Union[ReloadedVariable, _Mapping]]] = ..., problems: _Optional[_Iterable[str]] = ..., warnings: _Optional[_Iterable[str]] = ...) -> None: ...

class ReloadedVariable(_message.Message):
    __slots__ = ("name", "old", "new", "outcome", "remedy")
    NAME_FIELD_NUMBER: _ClassVar[int]
    OLD_FIELD_NUMBER: _ClassVar[int]
    NEW_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    REMEDY_FIELD_NUMBER: _ClassVar[int]
    name: str
    old: str
    new: str
    outcome: str
    remedy: str
    def __init__(self, name: _Optional[str] = ..., old: _Optional[str] = ..., new: _Optional[str] = ..., outcome: _Optional[str] = ..., remedy: _Optional[str] = ...) -> None: ...

class CommandReply(_message.Message):
    __slots__ = ("ok", "text", "leader")
    OK_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    LEADER_FIELD_NUMBER: _ClassVar[int]
    ok: bool
    text: str
    leader: str
    def __init__(self, ok: _Optional[bool] = ..., text: _Optional[str] = ..., leader: _Optional[str] = ...) -> None: ...

class ExplainRequest(_message.Message):
    __slots__ = ("member",)
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    member: str
    def __init__(self, member: _Optional[str] = ...) -> None: ...

class ExplainReply(_message.Message):
    __slots__ = ("member", "answered_by", "role", "term", "leader", "lines")
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    ANSWERED_BY_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    TERM_FIELD_NUMBER: _ClassVar[int]
    LEADER_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    member: str
    answered_by: str
    role: str
    term: int
    leader: str
    lines: _containers.RepeatedCompositeFieldContainer[ReasonLine]
    def __init__(self, member: _Optional[str] = ..., answered_by: _Optional[str] = ..., role: _Optional[str] = ..., term: _Optional[int] = ..., leader: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[ReasonLine, _Mapping]]] = ...) -> None: ...

class ReasonLine(_message.Message):
    __slots__ = ("topic", "text", "holds_back", "facts")
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    HOLDS_BACK_FIELD_NUMBER: _ClassVar[int]
    FACTS_FIELD_NUMBER: _ClassVar[int]
    topic: str
    text: str
    holds_back: bool
    facts: _containers.RepeatedCompositeFieldContainer[Fact]
    def __init__(self, topic: _Optional[str] = ..., text: _Optional[str] = ..., holds_back: _Optional[bool] = ..., facts: _Optional[_Iterable[_Union[Fact, _Mapping]]] = ...) -> None: ...

class Fact(_message.Message):
    __slots__ = ("name", "text", "count", "number", "truth")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    TRUTH_FIELD_NUMBER: _ClassVar[int]
    name: str
    text: str
    count: int
    number: float
    truth: bool
    def __init__(self, name: _Optional[str] = ..., text: _Optional[str] = ..., count: _Optional[int] = ..., number: _Optional[float] = ..., truth: _Optional[bool] = ...) -> None: ...

class HistoryRequest(_message.Message):
    __slots__ = ("cursor", "since")
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    cursor: str
    since: str
    def __init__(self, cursor: _Optional[str] = ..., since: _Optional[str] = ...) -> None: ...

class HistoryReply(_message.Message):
    __slots__ = ("member", "lines", "cursor", "more", "damaged", "half_written", "wall_clock")
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    DAMAGED_FIELD_NUMBER: _ClassVar[int]
    HALF_WRITTEN_FIELD_NUMBER: _ClassVar[int]
    WALL_CLOCK_FIELD_NUMBER: _ClassVar[int]
    member: str
    lines: _containers.RepeatedScalarFieldContainer[str]
    cursor: str
    more: bool
    damaged: int
    half_written: bool
    wall_clock: float
    def __init__(self, member: _Optional[str] = ..., lines: _Optional[_Iterable[str]] = ..., cursor: _Optional[str] = ..., more: _Optional[bool] = ..., damaged: _Optional[int] = ..., half_written: _Optional[bool] = ..., wall_clock: _Optional[float] = ...) -> None: ...
