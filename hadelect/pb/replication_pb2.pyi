from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Acceptance(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ACCEPTANCE_UNSPECIFIED: _ClassVar[Acceptance]
    ACCEPTANCE_LOSS: _ClassVar[Acceptance]
    ACCEPTANCE_EMPTY_STATE: _ClassVar[Acceptance]

class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    KIND_UNSPECIFIED: _ClassVar[Kind]
    KIND_FILE: _ClassVar[Kind]
    KIND_DIRECTORY: _ClassVar[Kind]
    KIND_SYMLINK: _ClassVar[Kind]
    KIND_GONE: _ClassVar[Kind]
ACCEPTANCE_UNSPECIFIED: Acceptance
ACCEPTANCE_LOSS: Acceptance
ACCEPTANCE_EMPTY_STATE: Acceptance
KIND_UNSPECIFIED: Kind
KIND_FILE: Kind
KIND_DIRECTORY: Kind
KIND_SYMLINK: Kind
KIND_GONE: Kind

class Version(_message.Message):
    __slots__ = ("term", "sequence", "digest")
    TERM_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    term: int
    sequence: int
    digest: str
    def __init__(self, term: _Optional[int] = ..., sequence: _Optional[int] = ..., digest: _Optional[str] = ...) -> None: ...

class End(_message.Message):
    __slots__ = ("term", "sequence")
    TERM_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    term: int
    sequence: int
    def __init__(self, term: _Optional[int] = ..., sequence: _Optional[int] = ...) -> None: ...

class Line(_message.Message):
    __slots__ = ("version", "ends")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ENDS_FIELD_NUMBER: _ClassVar[int]
    version: Version
    ends: _containers.RepeatedCompositeFieldContainer[End]
    def __init__(self, version: _Optional[_Union[Version, _Mapping]] = ..., ends: _Optional[_Iterable[_Union[End, _Mapping]]] = ...) -> None: ...

class Replica(_message.Message):
    __slots__ = ("version", "known", "ready", "lag_ms", "problem")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    READY_FIELD_NUMBER: _ClassVar[int]
    LAG_MS_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    version: Version
    known: Version
    ready: bool
    lag_ms: int
    problem: str
    def __init__(self, version: _Optional[_Union[Version, _Mapping]] = ..., known: _Optional[_Union[Version, _Mapping]] = ..., ready: _Optional[bool] = ..., lag_ms: _Optional[int] = ..., problem: _Optional[str] = ...) -> None: ...

class FromHad(_message.Message):
    __slots__ = ("pool", "member", "protocol", "told", "prepare", "flush", "cancel")
    POOL_FIELD_NUMBER: _ClassVar[int]
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    TOLD_FIELD_NUMBER: _ClassVar[int]
    PREPARE_FIELD_NUMBER: _ClassVar[int]
    FLUSH_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    pool: str
    member: str
    protocol: int
    told: Told
    prepare: Prepare
    flush: Flush
    cancel: Cancel
    def __init__(self, pool: _Optional[str] = ..., member: _Optional[str] = ..., protocol: _Optional[int] = ..., told: _Optional[_Union[Told, _Mapping]] = ..., prepare: _Optional[_Union[Prepare, _Mapping]] = ..., flush: _Optional[_Union[Flush, _Mapping]] = ..., cancel: _Optional[_Union[Cancel, _Mapping]] = ...) -> None: ...

class Told(_message.Message):
    __slots__ = ("leader", "term", "leads", "started")
    LEADER_FIELD_NUMBER: _ClassVar[int]
    TERM_FIELD_NUMBER: _ClassVar[int]
    LEADS_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    leader: str
    term: int
    leads: bool
    started: bool
    def __init__(self, leader: _Optional[str] = ..., term: _Optional[int] = ..., leads: _Optional[bool] = ..., started: _Optional[bool] = ...) -> None: ...

class Prepare(_message.Message):
    __slots__ = ("id", "term", "known")
    ID_FIELD_NUMBER: _ClassVar[int]
    TERM_FIELD_NUMBER: _ClassVar[int]
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    id: int
    term: int
    known: Version
    def __init__(self, id: _Optional[int] = ..., term: _Optional[int] = ..., known: _Optional[_Union[Version, _Mapping]] = ...) -> None: ...

class Flush(_message.Message):
    __slots__ = ("id", "term", "successor")
    ID_FIELD_NUMBER: _ClassVar[int]
    TERM_FIELD_NUMBER: _ClassVar[int]
    SUCCESSOR_FIELD_NUMBER: _ClassVar[int]
    id: int
    term: int
    successor: str
    def __init__(self, id: _Optional[int] = ..., term: _Optional[int] = ..., successor: _Optional[str] = ...) -> None: ...

class Cancel(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: int
    def __init__(self, id: _Optional[int] = ...) -> None: ...

class ToHad(_message.Message):
    __slots__ = ("replica", "done", "failed", "counts", "said")
    REPLICA_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    SAID_FIELD_NUMBER: _ClassVar[int]
    replica: Replica
    done: Done
    failed: Failed
    counts: Counts
    said: Said
    def __init__(self, replica: _Optional[_Union[Replica, _Mapping]] = ..., done: _Optional[_Union[Done, _Mapping]] = ..., failed: _Optional[_Union[Failed, _Mapping]] = ..., counts: _Optional[_Union[Counts, _Mapping]] = ..., said: _Optional[_Union[Said, _Mapping]] = ...) -> None: ...

class Said(_message.Message):
    __slots__ = ("because", "warning")
    BECAUSE_FIELD_NUMBER: _ClassVar[int]
    WARNING_FIELD_NUMBER: _ClassVar[int]
    because: str
    warning: bool
    def __init__(self, because: _Optional[str] = ..., warning: _Optional[bool] = ...) -> None: ...

class Done(_message.Message):
    __slots__ = ("id", "because")
    ID_FIELD_NUMBER: _ClassVar[int]
    BECAUSE_FIELD_NUMBER: _ClassVar[int]
    id: int
    because: str
    def __init__(self, id: _Optional[int] = ..., because: _Optional[str] = ...) -> None: ...

class Failed(_message.Message):
    __slots__ = ("id", "because")
    ID_FIELD_NUMBER: _ClassVar[int]
    BECAUSE_FIELD_NUMBER: _ClassVar[int]
    id: int
    because: str
    def __init__(self, id: _Optional[int] = ..., because: _Optional[str] = ...) -> None: ...

class Counts(_message.Message):
    __slots__ = ("bytes_in", "bytes_out", "conflicts", "asides")
    BYTES_IN_FIELD_NUMBER: _ClassVar[int]
    BYTES_OUT_FIELD_NUMBER: _ClassVar[int]
    CONFLICTS_FIELD_NUMBER: _ClassVar[int]
    ASIDES_FIELD_NUMBER: _ClassVar[int]
    bytes_in: int
    bytes_out: int
    conflicts: int
    asides: int
    def __init__(self, bytes_in: _Optional[int] = ..., bytes_out: _Optional[int] = ..., conflicts: _Optional[int] = ..., asides: _Optional[int] = ...) -> None: ...

class StateRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class StateReply(_message.Message):
    __slots__ = ("pool", "member", "leader", "term", "leads", "roots", "replica", "versions", "asides", "peers", "progress", "warnings")
    POOL_FIELD_NUMBER: _ClassVar[int]
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    LEADER_FIELD_NUMBER: _ClassVar[int]
    TERM_FIELD_NUMBER: _ClassVar[int]
    LEADS_FIELD_NUMBER: _ClassVar[int]
    ROOTS_FIELD_NUMBER: _ClassVar[int]
    REPLICA_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    ASIDES_FIELD_NUMBER: _ClassVar[int]
    PEERS_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    pool: str
    member: str
    leader: str
    term: int
    leads: bool
    roots: _containers.RepeatedScalarFieldContainer[str]
    replica: Replica
    versions: _containers.RepeatedCompositeFieldContainer[KeptVersion]
    asides: _containers.RepeatedCompositeFieldContainer[KeptAside]
    peers: _containers.RepeatedCompositeFieldContainer[PeerState]
    progress: Progress
    warnings: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, pool: _Optional[str] = ..., member: _Optional[str] = ..., leader: _Optional[str] = ..., term: _Optional[int] = ..., leads: _Optional[bool] = ..., roots: _Optional[_Iterable[str]] = ..., replica: _Optional[_Union[Replica, _Mapping]] = ..., versions: _Optional[_Iterable[_Union[KeptVersion, _Mapping]]] = ..., asides: _Optional[_Iterable[_Union[KeptAside, _Mapping]]] = ..., peers: _Optional[_Iterable[_Union[PeerState, _Mapping]]] = ..., progress: _Optional[_Union[Progress, _Mapping]] = ..., warnings: _Optional[_Iterable[str]] = ...) -> None: ...

class KeptVersion(_message.Message):
    __slots__ = ("version", "taken_at", "entries", "bytes", "installed")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    TAKEN_AT_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    INSTALLED_FIELD_NUMBER: _ClassVar[int]
    version: Version
    taken_at: str
    entries: int
    bytes: int
    installed: bool
    def __init__(self, version: _Optional[_Union[Version, _Mapping]] = ..., taken_at: _Optional[str] = ..., entries: _Optional[int] = ..., bytes: _Optional[int] = ..., installed: _Optional[bool] = ...) -> None: ...

class KeptAside(_message.Message):
    __slots__ = ("name", "path", "because", "taken_at")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    BECAUSE_FIELD_NUMBER: _ClassVar[int]
    TAKEN_AT_FIELD_NUMBER: _ClassVar[int]
    name: str
    path: str
    because: str
    taken_at: str
    def __init__(self, name: _Optional[str] = ..., path: _Optional[str] = ..., because: _Optional[str] = ..., taken_at: _Optional[str] = ...) -> None: ...

class PeerState(_message.Message):
    __slots__ = ("member", "reachable", "replica", "trouble")
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    REACHABLE_FIELD_NUMBER: _ClassVar[int]
    REPLICA_FIELD_NUMBER: _ClassVar[int]
    TROUBLE_FIELD_NUMBER: _ClassVar[int]
    member: str
    reachable: bool
    replica: Replica
    trouble: str
    def __init__(self, member: _Optional[str] = ..., reachable: _Optional[bool] = ..., replica: _Optional[_Union[Replica, _Mapping]] = ..., trouble: _Optional[str] = ...) -> None: ...

class Progress(_message.Message):
    __slots__ = ("version", "bytes", "of_bytes", "seconds")
    FROM_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    OF_BYTES_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    version: Version
    bytes: int
    of_bytes: int
    seconds: float
    def __init__(self, version: _Optional[_Union[Version, _Mapping]] = ..., bytes: _Optional[int] = ..., of_bytes: _Optional[int] = ..., seconds: _Optional[float] = ..., **kwargs) -> None: ...

class ShowRequest(_message.Message):
    __slots__ = ("version",)
    VERSION_FIELD_NUMBER: _ClassVar[int]
    version: str
    def __init__(self, version: _Optional[str] = ...) -> None: ...

class ShowReply(_message.Message):
    __slots__ = ("entries",)
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[ShownEntry]
    def __init__(self, entries: _Optional[_Iterable[_Union[ShownEntry, _Mapping]]] = ...) -> None: ...

class ShownEntry(_message.Message):
    __slots__ = ("root", "path", "kind", "mode", "uid", "gid", "size", "target")
    ROOT_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    UID_FIELD_NUMBER: _ClassVar[int]
    GID_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    root: str
    path: bytes
    kind: str
    mode: int
    uid: int
    gid: int
    size: int
    target: bytes
    def __init__(self, root: _Optional[str] = ..., path: _Optional[bytes] = ..., kind: _Optional[str] = ..., mode: _Optional[int] = ..., uid: _Optional[int] = ..., gid: _Optional[int] = ..., size: _Optional[int] = ..., target: _Optional[bytes] = ...) -> None: ...

class RestoreRequest(_message.Message):
    __slots__ = ("version", "reason", "operator")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    version: str
    reason: str
    operator: str
    def __init__(self, version: _Optional[str] = ..., reason: _Optional[str] = ..., operator: _Optional[str] = ...) -> None: ...

class AcceptRequest(_message.Message):
    __slots__ = ("what", "reason", "operator")
    WHAT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    what: Acceptance
    reason: str
    operator: str
    def __init__(self, what: _Optional[_Union[Acceptance, str]] = ..., reason: _Optional[str] = ..., operator: _Optional[str] = ...) -> None: ...

class ForgetRequest(_message.Message):
    __slots__ = ("aside", "reason", "operator")
    ASIDE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    aside: str
    reason: str
    operator: str
    def __init__(self, aside: _Optional[str] = ..., reason: _Optional[str] = ..., operator: _Optional[str] = ...) -> None: ...

class OrderReply(_message.Message):
    __slots__ = ("ok", "text")
    OK_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    ok: bool
    text: str
    def __init__(self, ok: _Optional[bool] = ..., text: _Optional[str] = ...) -> None: ...

class Word(_message.Message):
    __slots__ = ("pool", "sender", "protocol", "seal", "said")
    POOL_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    SEAL_FIELD_NUMBER: _ClassVar[int]
    SAID_FIELD_NUMBER: _ClassVar[int]
    pool: str
    sender: str
    protocol: int
    seal: bytes
    said: bytes
    def __init__(self, pool: _Optional[str] = ..., sender: _Optional[str] = ..., protocol: _Optional[int] = ..., seal: _Optional[bytes] = ..., said: _Optional[bytes] = ...) -> None: ...

class Spoken(_message.Message):
    __slots__ = ("greeting", "advert")
    GREETING_FIELD_NUMBER: _ClassVar[int]
    ADVERT_FIELD_NUMBER: _ClassVar[int]
    greeting: Greeting
    advert: Advert
    def __init__(self, greeting: _Optional[_Union[Greeting, _Mapping]] = ..., advert: _Optional[_Union[Advert, _Mapping]] = ...) -> None: ...

class Greeting(_message.Message):
    __slots__ = ("version", "members", "roots", "life", "nonce")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    ROOTS_FIELD_NUMBER: _ClassVar[int]
    LIFE_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    version: str
    members: _containers.RepeatedScalarFieldContainer[str]
    roots: int
    life: bytes
    nonce: bytes
    def __init__(self, version: _Optional[str] = ..., members: _Optional[_Iterable[str]] = ..., roots: _Optional[int] = ..., life: _Optional[bytes] = ..., nonce: _Optional[bytes] = ...) -> None: ...

class Advert(_message.Message):
    __slots__ = ("line", "known", "leads", "sure", "age_ms", "asks", "echoes", "idle_ms", "others", "sent_at")
    LINE_FIELD_NUMBER: _ClassVar[int]
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    LEADS_FIELD_NUMBER: _ClassVar[int]
    SURE_FIELD_NUMBER: _ClassVar[int]
    AGE_MS_FIELD_NUMBER: _ClassVar[int]
    ASKS_FIELD_NUMBER: _ClassVar[int]
    ECHOES_FIELD_NUMBER: _ClassVar[int]
    IDLE_MS_FIELD_NUMBER: _ClassVar[int]
    OTHERS_FIELD_NUMBER: _ClassVar[int]
    SENT_AT_FIELD_NUMBER: _ClassVar[int]
    line: Line
    known: Version
    leads: int
    sure: bool
    age_ms: int
    asks: int
    echoes: int
    idle_ms: int
    others: int
    sent_at: int
    def __init__(self, line: _Optional[_Union[Line, _Mapping]] = ..., known: _Optional[_Union[Version, _Mapping]] = ..., leads: _Optional[int] = ..., sure: _Optional[bool] = ..., age_ms: _Optional[int] = ..., asks: _Optional[int] = ..., echoes: _Optional[int] = ..., idle_ms: _Optional[int] = ..., others: _Optional[int] = ..., sent_at: _Optional[int] = ...) -> None: ...

class Asker(_message.Message):
    __slots__ = ("pool", "sender", "protocol", "seal")
    POOL_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    SEAL_FIELD_NUMBER: _ClassVar[int]
    pool: str
    sender: str
    protocol: int
    seal: bytes
    def __init__(self, pool: _Optional[str] = ..., sender: _Optional[str] = ..., protocol: _Optional[int] = ..., seal: _Optional[bytes] = ...) -> None: ...

class ChangesRequest(_message.Message):
    __slots__ = ("asker", "version", "base")
    ASKER_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    BASE_FIELD_NUMBER: _ClassVar[int]
    asker: Asker
    version: Version
    base: Version
    def __init__(self, asker: _Optional[_Union[Asker, _Mapping]] = ..., version: _Optional[_Union[Version, _Mapping]] = ..., base: _Optional[_Union[Version, _Mapping]] = ...) -> None: ...

class EntryChange(_message.Message):
    __slots__ = ("root", "path", "kind", "mode", "uid", "gid", "size", "mtime_ns", "target", "first", "blocks", "more")
    ROOT_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    UID_FIELD_NUMBER: _ClassVar[int]
    GID_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    MTIME_NS_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    BLOCKS_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    root: int
    path: bytes
    kind: Kind
    mode: int
    uid: int
    gid: int
    size: int
    mtime_ns: int
    target: bytes
    first: int
    blocks: bytes
    more: bool
    def __init__(self, root: _Optional[int] = ..., path: _Optional[bytes] = ..., kind: _Optional[_Union[Kind, str]] = ..., mode: _Optional[int] = ..., uid: _Optional[int] = ..., gid: _Optional[int] = ..., size: _Optional[int] = ..., mtime_ns: _Optional[int] = ..., target: _Optional[bytes] = ..., first: _Optional[int] = ..., blocks: _Optional[bytes] = ..., more: _Optional[bool] = ...) -> None: ...

class ChangesPart(_message.Message):
    __slots__ = ("line", "mac", "base", "entries", "last")
    LINE_FIELD_NUMBER: _ClassVar[int]
    MAC_FIELD_NUMBER: _ClassVar[int]
    BASE_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    line: Line
    mac: bytes
    base: Version
    entries: _containers.RepeatedCompositeFieldContainer[EntryChange]
    last: bool
    def __init__(self, line: _Optional[_Union[Line, _Mapping]] = ..., mac: _Optional[bytes] = ..., base: _Optional[_Union[Version, _Mapping]] = ..., entries: _Optional[_Iterable[_Union[EntryChange, _Mapping]]] = ..., last: _Optional[bool] = ...) -> None: ...

class BlockRef(_message.Message):
    __slots__ = ("root", "path", "index", "count")
    ROOT_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    root: int
    path: bytes
    index: int
    count: int
    def __init__(self, root: _Optional[int] = ..., path: _Optional[bytes] = ..., index: _Optional[int] = ..., count: _Optional[int] = ...) -> None: ...

class BlocksRequest(_message.Message):
    __slots__ = ("asker", "version", "wanted", "zstd")
    ASKER_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    WANTED_FIELD_NUMBER: _ClassVar[int]
    ZSTD_FIELD_NUMBER: _ClassVar[int]
    asker: Asker
    version: Version
    wanted: _containers.RepeatedCompositeFieldContainer[BlockRef]
    zstd: bool
    def __init__(self, asker: _Optional[_Union[Asker, _Mapping]] = ..., version: _Optional[_Union[Version, _Mapping]] = ..., wanted: _Optional[_Iterable[_Union[BlockRef, _Mapping]]] = ..., zstd: _Optional[bool] = ...) -> None: ...

class BlocksPart(_message.Message):
    __slots__ = ("pieces", "packed", "sizes")
    PIECES_FIELD_NUMBER: _ClassVar[int]
    PACKED_FIELD_NUMBER: _ClassVar[int]
    SIZES_FIELD_NUMBER: _ClassVar[int]
    pieces: _containers.RepeatedScalarFieldContainer[bytes]
    packed: bytes
    sizes: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, pieces: _Optional[_Iterable[bytes]] = ..., packed: _Optional[bytes] = ..., sizes: _Optional[_Iterable[int]] = ...) -> None: ...
