"""The one object that configuration becomes. Nobody else sees text, environment or a default.

All times are float seconds as in the files; `rules_of` (config/rules.py) makes them the core's.
"""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Address:
    """One HAD_LIST entry. `name` is the entry as written, without `<>`: the member's name."""

    name: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class ExternalSpec:
    """How another manager is told to run the controllee."""

    start: tuple[str, ...]
    stop: tuple[str, ...]
    status: tuple[str, ...]
    kill: tuple[str, ...]  # Empty: none.
    cgroup: str  # The directory of its unit's cgroup v2; "" = none.
    kill_timeout: float
    status_timeout: float
    status_interval: float


@dataclass(frozen=True, slots=True)
class ControlleeSpec:
    """What the supervisor must know to run the controllee."""

    name: str  # HAD_CONTROLLEE, e.g. NEGOTIATOR.
    argv: tuple[str, ...]  # Empty on a witness, and where another manager runs it.
    environment: tuple[tuple[str, str], ...] = ()
    user: str = ""
    stop_signal: int = 15
    stop_timeout: float = 10.0
    start_grace: float = 30.0
    external: ExternalSpec | None = None  # Instead of argv.


@dataclass(frozen=True, slots=True)
class ErrandSpec:
    """A command of the administrator's: a hook, the probe, the fence command."""

    name: str  # The variable that names it.
    argv: tuple[str, ...]
    timeout: float


@dataclass(frozen=True, slots=True)
class CheckSpec:
    """When the probe is run, and when it counts."""

    interval: float = 10.0
    failures: int = 3


@dataclass(frozen=True, slots=True)
class LogSpec:
    path: Path | None = None  # None = stderr.
    max_bytes: int = 10_000_000
    debug: bool = False
    json: bool = False
    update_interval: float = 300.0
    variable: str = "HAD_LOG"  # What names it, for whoever must put it right.


@dataclass(frozen=True, slots=True)
class TlsSpec:
    cert: Path
    key: Path
    ca: Path


@dataclass(frozen=True, slots=True)
class ReplicationSpec:
    """What the replication daemon of this member must know, and HAD of it."""

    daemons: tuple[Address, ...]  # REPLICATION_LIST, parallel to HAD_LIST.
    me: Address  # Ours among them.
    roots: tuple[Path, ...]  # STATE_FILE.
    interval: float
    settle: float
    max_lag: float
    flush_timeout: float
    keep: int
    transfer_lifetime: float
    rate_limit: int  # Bytes per second; 0 = none.
    compression: str  # none, zstd.
    key_file: Path | None
    snapshot_command: tuple[str, ...]  # Empty: none.
    http_address: tuple[str, int] | None
    log: LogSpec


@dataclass(frozen=True, slots=True)
class Config:
    pool: str
    me: Address
    members: tuple[Address, ...]  # HAD_LIST, highest priority first.
    witnesses: tuple[Address, ...]
    arbitration: str  # "none" or "majority".
    use_primary: bool
    preempt_delay: float
    connection_timeout: float
    heartbeat: float
    lease: float
    margin: float
    restart_limit: int
    restart_window: float
    unfit_cooldown: float
    controllee: ControlleeSpec
    fence_tree: str  # auto, namespace, cgroup, subreaper.
    allow_unfenced: bool
    state_dir: Path
    control_socket: Path
    http_address: tuple[str, int] | None  # None = off; port 0 picks one.
    log: LogSpec
    tls: TlsSpec | None
    allow_insecure: bool
    errands: tuple[tuple[str, ErrandSpec], ...] = ()  # By core.vocabulary.Errand's value.
    check: CheckSpec = CheckSpec()
    max_history: int = 4_000_000  # Bytes; 0 = no bound.
    max_flight: int = 16_000_000  # Bytes of the flight recorder's files; 0 = off.
    replication: ReplicationSpec | None = None  # None: no state is replicated to this member.
    warnings: tuple[str, ...] = ()
    values: tuple[tuple[str, str], ...] = field(default=(), repr=False)  # Every name in force.
    digest: str = ""  # Of everything that should be equal on all members.

    @property
    def voters(self) -> tuple[Address, ...]:
        return self.members + self.witnesses

    @property
    def hooks_take(self) -> float:
        """The longest that hooks and the last copy of the state may hold up a planned stop.

        Of hooks one that runs, and two of its own.
        """
        hooks = 3 * max((spec.timeout for key, spec in self.errands if key != "CHECK"), default=0.0)
        return hooks + (self.replication.flush_timeout if self.replication else 0.0)

    @property
    def witness(self) -> bool:
        return self.me in self.witnesses

    @property
    def state_lock(self) -> Path:
        """Held, shared, while a controllee may use the replicated state (state_lock.py)."""
        return self.state_dir / "state.lock"

    @property
    def replication_socket(self) -> Path:
        """Where the replication daemon of this member answers HAD and operators."""
        return self.state_dir / "replication.sock"


@dataclass(frozen=True, slots=True)
class PoolView:
    """What somebody needs who only asks the members: whom, and how."""

    pool: str
    members: tuple[Address, ...]
    witnesses: tuple[Address, ...]
    control_socket: Path
    state_dir: Path
    tls: TlsSpec | None
    replication: tuple[Address, ...] = ()  # REPLICATION_LIST; empty: nothing is replicated.
