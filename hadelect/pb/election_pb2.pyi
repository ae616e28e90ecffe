from hadelect.pb import control_pb2 as _control_pb2
from hadelect.pb import replication_pb2 as _replication_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Role(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROLE_UNSPECIFIED: _ClassVar[Role]
    ROLE_PRE: _ClassVar[Role]
    ROLE_PASSIVE: _ClassVar[Role]
    ROLE_ELECTION: _ClassVar[Role]
    ROLE_LEADER: _ClassVar[Role]

class Arbitration(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ARBITRATION_UNSPECIFIED: _ClassVar[Arbitration]
    ARBITRATION_NONE: _ClassVar[Arbitration]
    ARBITRATION_MAJORITY: _ClassVar[Arbitration]

class ControlleeState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONTROLLEE_STATE_UNSPECIFIED: _ClassVar[ControlleeState]
    CONTROLLEE_STATE_STOPPED: _ClassVar[ControlleeState]
    CONTROLLEE_STATE_STARTING: _ClassVar[ControlleeState]
    CONTROLLEE_STATE_RUNNING: _ClassVar[ControlleeState]
    CONTROLLEE_STATE_STOPPING: _ClassVar[ControlleeState]
    CONTROLLEE_STATE_STOP_FAILED: _ClassVar[ControlleeState]

class Refusal(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REFUSAL_UNSPECIFIED: _ClassVar[Refusal]
    REFUSAL_LEADER_ALIVE: _ClassVar[Refusal]
    REFUSAL_HIGHER_PRIORITY: _ClassVar[Refusal]
    REFUSAL_PROMISED: _ClassVar[Refusal]
    REFUSAL_OLD_TERM: _ClassVar[Refusal]
    REFUSAL_MUTE: _ClassVar[Refusal]
    REFUSAL_BLANK: _ClassVar[Refusal]
    REFUSAL_NO_STORE: _ClassVar[Refusal]
    REFUSAL_NOT_A_MEMBER: _ClassVar[Refusal]
    REFUSAL_INCOMPATIBLE: _ClassVar[Refusal]
ROLE_UNSPECIFIED: Role
ROLE_PRE: Role
ROLE_PASSIVE: Role
ROLE_ELECTION: Role
ROLE_LEADER: Role
ARBITRATION_UNSPECIFIED: Arbitration
ARBITRATION_NONE: Arbitration
ARBITRATION_MAJORITY: Arbitration
CONTROLLEE_STATE_UNSPECIFIED: ControlleeState
CONTROLLEE_STATE_STOPPED: ControlleeState
CONTROLLEE_STATE_STARTING: ControlleeState
CONTROLLEE_STATE_RUNNING: ControlleeState
CONTROLLEE_STATE_STOPPING: ControlleeState
CONTROLLEE_STATE_STOP_FAILED: ControlleeState
REFUSAL_UNSPECIFIED: Refusal
REFUSAL_LEADER_ALIVE: Refusal
REFUSAL_HIGHER_PRIORITY: Refusal
REFUSAL_PROMISED: Refusal
REFUSAL_OLD_TERM: Refusal
REFUSAL_MUTE: Refusal
REFUSAL_BLANK: Refusal
REFUSAL_NO_STORE: Refusal
REFUSAL_NOT_A_MEMBER: Refusal
REFUSAL_INCOMPATIBLE: Refusal

class Envelope(_message.Message):
    __slots__ = ("pool", "sender", "protocol", "identity_digest", "config_digest", "hello", "report", "alive", "alive_ack", "leader", "pre_vote", "pre_vote_reply", "send_id", "vote", "refused", "withdraw", "resign", "ask_handover", "goodbye", "probe", "probe_reply")
    POOL_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_DIGEST_FIELD_NUMBER: _ClassVar[int]
    CONFIG_DIGEST_FIELD_NUMBER: _ClassVar[int]
    HELLO_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    ALIVE_FIELD_NUMBER: _ClassVar[int]
    ALIVE_ACK_FIELD_NUMBER: _ClassVar[int]
    LEADER_FIELD_NUMBER: _ClassVar[int]
    PRE_VOTE_FIELD_NUMBER: _ClassVar[int]
    PRE_VOTE_REPLY_FIELD_NUMBER: _ClassVar[int]
    SEND_ID_FIELD_NUMBER: _ClassVar[int]
    VOTE_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    WITHDRAW_FIELD_NUMBER: _ClassVar[int]
    RESIGN_FIELD_NUMBER: _ClassVar[int]
    ASK_HANDOVER_FIELD_NUMBER: _ClassVar[int]
    GOODBYE_FIELD_NUMBER: _ClassVar[int]
    PROBE_FIELD_NUMBER: _ClassVar[int]
    PROBE_REPLY_FIELD_NUMBER: _ClassVar[int]
    pool: str
    sender: str
    protocol: int
    identity_digest: str
    config_digest: str
    hello: Hello
    report: Report
    alive: Alive
    alive_ack: AliveAck
    leader: Leader
    pre_vote: PreVote
    pre_vote_reply: PreVoteReply
    send_id: SendId
    vote: Vote
    refused: Refused
    withdraw: Withdraw
    resign: Resign
    ask_handover: AskHandover
    goodbye: Goodbye
    probe: Probe
    probe_reply: ProbeReply
    def __init__(self, pool: _Optional[str] = ..., sender: _Optional[str] = ..., protocol: _Optional[int] = ..., identity_digest: _Optional[str] = ..., config_digest: _Optional[str] = ..., hello: _Optional[_Union[Hello, _Mapping]] = ..., report: _Optional[_Union[Report, _Mapping]] = ..., alive: _Optional[_Union[Alive, _Mapping]] = ..., alive_ack: _Optional[_Union[AliveAck, _Mapping]] = ..., leader: _Optional[_Union[Leader, _Mapping]] = ..., pre_vote: _Optional[_Union[PreVote, _Mapping]] = ..., pre_vote_reply: _Optional[_Union[PreVoteReply, _Mapping]] = ..., send_id: _Optional[_Union[SendId, _Mapping]] = ..., vote: _Optional[_Union[Vote, _Mapping]] = ..., refused: _Optional[_Union[Refused, _Mapping]] = ..., withdraw: _Optional[_Union[Withdraw, _Mapping]] = ..., resign: _Optional[_Union[Resign, _Mapping]] = ..., ask_handover: _Optional[_Union[AskHandover, _Mapping]] = ..., goodbye: _Optional[_Union[Goodbye, _Mapping]] = ..., probe: _Optional[_Union[Probe, _Mapping]] = ..., probe_reply: _Optional[_Union[ProbeReply, _Mapping]] = ...) -> None: ...

class OperateRequest(_message.Message):
    __slots__ = ("pool", "sender", "protocol", "identity_digest", "handover", "drain")
    POOL_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_DIGEST_FIELD_NUMBER: _ClassVar[int]
    HANDOVER_FIELD_NUMBER: _ClassVar[int]
    DRAIN_FIELD_NUMBER: _ClassVar[int]
    pool: str
    sender: str
    protocol: int
    identity_digest: str
    handover: _control_pb2.HandoverRequest
    drain: _control_pb2.DrainRequest
    def __init__(self, pool: _Optional[str] = ..., sender: _Optional[str] = ..., protocol: _Optional[int] = ..., identity_digest: _Optional[str] = ..., handover: _Optional[_Union[_control_pb2.HandoverRequest, _Mapping]] = ..., drain: _Optional[_Union[_control_pb2.DrainRequest, _Mapping]] = ...) -> None: ...

class Leadership(_message.Message):
    __slots__ = ("term", "leader")
    TERM_FIELD_NUMBER: _ClassVar[int]
    LEADER_FIELD_NUMBER: _ClassVar[int]
    term: int
    leader: str
    def __init__(self, term: _Optional[int] = ..., leader: _Optional[str] = ...) -> None: ...

class Proof(_message.Message):
    __slots__ = ("term", "leader", "secret")
    TERM_FIELD_NUMBER: _ClassVar[int]
    LEADER_FIELD_NUMBER: _ClassVar[int]
    SECRET_FIELD_NUMBER: _ClassVar[int]
    term: int
    leader: str
    secret: str
    def __init__(self, term: _Optional[int] = ..., leader: _Optional[str] = ..., secret: _Optional[str] = ...) -> None: ...

class Controllee(_message.Message):
    __slots__ = ("name", "state", "pid", "since", "restarts")
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    RESTARTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    state: ControlleeState
    pid: int
    since: str
    restarts: int
    def __init__(self, name: _Optional[str] = ..., state: _Optional[_Union[ControlleeState, str]] = ..., pid: _Optional[int] = ..., since: _Optional[str] = ..., restarts: _Optional[int] = ...) -> None: ...

class Standing(_message.Message):
    __slots__ = ("role", "term", "leader", "leader_heard_ms", "known_term", "blank", "mute", "fit", "unfit_because", "drained", "hears", "controllee", "replica")
    ROLE_FIELD_NUMBER: _ClassVar[int]
    TERM_FIELD_NUMBER: _ClassVar[int]
    LEADER_FIELD_NUMBER: _ClassVar[int]
    LEADER_HEARD_MS_FIELD_NUMBER: _ClassVar[int]
    KNOWN_TERM_FIELD_NUMBER: _ClassVar[int]
    BLANK_FIELD_NUMBER: _ClassVar[int]
    MUTE_FIELD_NUMBER: _ClassVar[int]
    FIT_FIELD_NUMBER: _ClassVar[int]
    UNFIT_BECAUSE_FIELD_NUMBER: _ClassVar[int]
    DRAINED_FIELD_NUMBER: _ClassVar[int]
    HEARS_FIELD_NUMBER: _ClassVar[int]
    CONTROLLEE_FIELD_NUMBER: _ClassVar[int]
    REPLICA_FIELD_NUMBER: _ClassVar[int]
    role: Role
    term: int
    leader: str
    leader_heard_ms: int
    known_term: int
    blank: bool
    mute: bool
    fit: bool
    unfit_because: str
    drained: bool
    hears: _containers.RepeatedScalarFieldContainer[str]
    controllee: Controllee
    replica: _replication_pb2.Replica
    def __init__(self, role: _Optional[_Union[Role, str]] = ..., term: _Optional[int] = ..., leader: _Optional[str] = ..., leader_heard_ms: _Optional[int] = ..., known_term: _Optional[int] = ..., blank: _Optional[bool] = ..., mute: _Optional[bool] = ..., fit: _Optional[bool] = ..., unfit_because: _Optional[str] = ..., drained: _Optional[bool] = ..., hears: _Optional[_Iterable[str]] = ..., controllee: _Optional[_Union[Controllee, _Mapping]] = ..., replica: _Optional[_Union[_replication_pb2.Replica, _Mapping]] = ...) -> None: ...

class Identity(_message.Message):
    __slots__ = ("pool", "members", "witnesses", "arbitration", "controllee")
    POOL_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    WITNESSES_FIELD_NUMBER: _ClassVar[int]
    ARBITRATION_FIELD_NUMBER: _ClassVar[int]
    CONTROLLEE_FIELD_NUMBER: _ClassVar[int]
    pool: str
    members: _containers.RepeatedScalarFieldContainer[str]
    witnesses: _containers.RepeatedScalarFieldContainer[str]
    arbitration: Arbitration
    controllee: str
    def __init__(self, pool: _Optional[str] = ..., members: _Optional[_Iterable[str]] = ..., witnesses: _Optional[_Iterable[str]] = ..., arbitration: _Optional[_Union[Arbitration, str]] = ..., controllee: _Optional[str] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ("identity", "version", "life")
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    LIFE_FIELD_NUMBER: _ClassVar[int]
    identity: Identity
    version: str
    life: str
    def __init__(self, identity: _Optional[_Union[Identity, _Mapping]] = ..., version: _Optional[str] = ..., life: _Optional[str] = ...) -> None: ...

class Report(_message.Message):
    __slots__ = ("standing",)
    STANDING_FIELD_NUMBER: _ClassVar[int]
    standing: Standing
    def __init__(self, standing: _Optional[_Union[Standing, _Mapping]] = ...) -> None: ...

class Alive(_message.Message):
    __slots__ = ("term", "sent_at", "lease_ms", "secret_hash", "standing")
    TERM_FIELD_NUMBER: _ClassVar[int]
    SENT_AT_FIELD_NUMBER: _ClassVar[int]
    LEASE_MS_FIELD_NUMBER: _ClassVar[int]
    SECRET_HASH_FIELD_NUMBER: _ClassVar[int]
    STANDING_FIELD_NUMBER: _ClassVar[int]
    term: int
    sent_at: int
    lease_ms: int
    secret_hash: str
    standing: Standing
    def __init__(self, term: _Optional[int] = ..., sent_at: _Optional[int] = ..., lease_ms: _Optional[int] = ..., secret_hash: _Optional[str] = ..., standing: _Optional[_Union[Standing, _Mapping]] = ...) -> None: ...

class AliveAck(_message.Message):
    __slots__ = ("term", "sent_at", "standing", "lease_ms")
    TERM_FIELD_NUMBER: _ClassVar[int]
    SENT_AT_FIELD_NUMBER: _ClassVar[int]
    STANDING_FIELD_NUMBER: _ClassVar[int]
    LEASE_MS_FIELD_NUMBER: _ClassVar[int]
    term: int
    sent_at: int
    standing: Standing
    lease_ms: int
    def __init__(self, term: _Optional[int] = ..., sent_at: _Optional[int] = ..., standing: _Optional[_Union[Standing, _Mapping]] = ..., lease_ms: _Optional[int] = ...) -> None: ...

class Leader(_message.Message):
    __slots__ = ("term", "lease_ms", "secret_hash")
    TERM_FIELD_NUMBER: _ClassVar[int]
    LEASE_MS_FIELD_NUMBER: _ClassVar[int]
    SECRET_HASH_FIELD_NUMBER: _ClassVar[int]
    term: int
    lease_ms: int
    secret_hash: str
    def __init__(self, term: _Optional[int] = ..., lease_ms: _Optional[int] = ..., secret_hash: _Optional[str] = ...) -> None: ...

class PreVote(_message.Message):
    __slots__ = ("round", "silent", "proof", "standing")
    ROUND_FIELD_NUMBER: _ClassVar[int]
    SILENT_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    STANDING_FIELD_NUMBER: _ClassVar[int]
    round: int
    silent: Leadership
    proof: Proof
    standing: Standing
    def __init__(self, round: _Optional[int] = ..., silent: _Optional[_Union[Leadership, _Mapping]] = ..., proof: _Optional[_Union[Proof, _Mapping]] = ..., standing: _Optional[_Union[Standing, _Mapping]] = ...) -> None: ...

class PreVoteReply(_message.Message):
    __slots__ = ("round", "refusal", "standing")
    ROUND_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    STANDING_FIELD_NUMBER: _ClassVar[int]
    round: int
    refusal: Refusal
    standing: Standing
    def __init__(self, round: _Optional[int] = ..., refusal: _Optional[_Union[Refusal, str]] = ..., standing: _Optional[_Union[Standing, _Mapping]] = ...) -> None: ...

class SendId(_message.Message):
    __slots__ = ("term", "sent_at", "lease_ms", "secret_hash", "proof")
    TERM_FIELD_NUMBER: _ClassVar[int]
    SENT_AT_FIELD_NUMBER: _ClassVar[int]
    LEASE_MS_FIELD_NUMBER: _ClassVar[int]
    SECRET_HASH_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    term: int
    sent_at: int
    lease_ms: int
    secret_hash: str
    proof: Proof
    def __init__(self, term: _Optional[int] = ..., sent_at: _Optional[int] = ..., lease_ms: _Optional[int] = ..., secret_hash: _Optional[str] = ..., proof: _Optional[_Union[Proof, _Mapping]] = ...) -> None: ...

class Vote(_message.Message):
    __slots__ = ("term", "sent_at", "replica")
    TERM_FIELD_NUMBER: _ClassVar[int]
    SENT_AT_FIELD_NUMBER: _ClassVar[int]
    REPLICA_FIELD_NUMBER: _ClassVar[int]
    term: int
    sent_at: int
    replica: _replication_pb2.Replica
    def __init__(self, term: _Optional[int] = ..., sent_at: _Optional[int] = ..., replica: _Optional[_Union[_replication_pb2.Replica, _Mapping]] = ...) -> None: ...

class Refused(_message.Message):
    __slots__ = ("term", "refusal", "standing")
    TERM_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    STANDING_FIELD_NUMBER: _ClassVar[int]
    term: int
    refusal: Refusal
    standing: Standing
    def __init__(self, term: _Optional[int] = ..., refusal: _Optional[_Union[Refusal, str]] = ..., standing: _Optional[_Union[Standing, _Mapping]] = ...) -> None: ...

class Withdraw(_message.Message):
    __slots__ = ("term",)
    TERM_FIELD_NUMBER: _ClassVar[int]
    term: int
    def __init__(self, term: _Optional[int] = ...) -> None: ...

class Resign(_message.Message):
    __slots__ = ("proof", "successor", "because")
    PROOF_FIELD_NUMBER: _ClassVar[int]
    SUCCESSOR_FIELD_NUMBER: _ClassVar[int]
    BECAUSE_FIELD_NUMBER: _ClassVar[int]
    proof: Proof
    successor: str
    because: str
    def __init__(self, proof: _Optional[_Union[Proof, _Mapping]] = ..., successor: _Optional[str] = ..., because: _Optional[str] = ...) -> None: ...

class AskHandover(_message.Message):
    __slots__ = ("term", "because")
    TERM_FIELD_NUMBER: _ClassVar[int]
    BECAUSE_FIELD_NUMBER: _ClassVar[int]
    term: int
    because: str
    def __init__(self, term: _Optional[int] = ..., because: _Optional[str] = ...) -> None: ...

class Goodbye(_message.Message):
    __slots__ = ("because",)
    BECAUSE_FIELD_NUMBER: _ClassVar[int]
    because: str
    def __init__(self, because: _Optional[str] = ...) -> None: ...

class Probe(_message.Message):
    __slots__ = ("term", "sent_at")
    TERM_FIELD_NUMBER: _ClassVar[int]
    SENT_AT_FIELD_NUMBER: _ClassVar[int]
    term: int
    sent_at: int
    def __init__(self, term: _Optional[int] = ..., sent_at: _Optional[int] = ...) -> None: ...

class ProbeReply(_message.Message):
    __slots__ = ("sent_at", "leads")
    SENT_AT_FIELD_NUMBER: _ClassVar[int]
    LEADS_FIELD_NUMBER: _ClassVar[int]
    sent_at: int
    leads: int
    def __init__(self, sent_at: _Optional[int] = ..., leads: _Optional[int] = ...) -> None: ...
