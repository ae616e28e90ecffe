"""Every configuration variable, one row each.

Parsing, checks, reload, digest and the manual come from here.

`<X>` in a name stands for the name of the controllee (HAD_CONTROLLEE). A default may refer to other
names; "" means none. Units: seconds, bytes.
"""

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    BOOLEAN = "true or false"
    SECONDS = "seconds"
    COUNT = "number"
    SIZE = "bytes"
    PATH = "path"
    PATHS = "list of paths"
    WORD = "word"
    TEXT = "text"
    MEMBERS = "list of members"
    ARGUMENTS = "arguments"
    ENVIRONMENT = "environment"
    SIGNAL = "signal"
    HTTP = "address"


class Change(Enum):
    """What a reload does with a new value."""

    LIVE = "reload"
    RESTART = "restart"
    MEMBERSHIP = "membership procedure"
    NEVER = "all stopped"  # Members that differ refuse each other.


@dataclass(frozen=True, slots=True)
class Variable:
    name: str
    kind: Kind
    default: str
    help: str
    low: float | None = None
    high: float | None = None
    words: tuple[str, ...] = ()  # Kind.WORD: what is allowed.
    change: Change = Change.RESTART
    equal: bool = False  # Should be equal on all members: part of the digest.


LIVE, MEMBERSHIP, NEVER = Change.LIVE, Change.MEMBERSHIP, Change.NEVER
BOOLEAN, SECONDS, COUNT, SIZE, PATH, WORD = (
    Kind.BOOLEAN, Kind.SECONDS, Kind.COUNT, Kind.SIZE, Kind.PATH, Kind.WORD,
)  # fmt: skip
TEXT, MEMBERS, ARGUMENTS = Kind.TEXT, Kind.MEMBERS, Kind.ARGUMENTS
DAY = 86_400.0

# fmt: off
VARIABLES: tuple[Variable, ...] = (
    # The pool.
    Variable("HAD_LIST", MEMBERS, "", "members, highest priority first: HOST:PORT, IP:PORT or [V6]:PORT, each also in <>; the entry is the member's name", change=MEMBERSHIP, equal=True),
    Variable("HAD_WITNESS_LIST", MEMBERS, "", "members that vote and never lead", change=MEMBERSHIP, equal=True),
    Variable("HAD_ARGS", ARGUMENTS, "", "-p PORT: the port of this member, which with its own addresses finds its entry"),
    Variable("HAD_MEMBER", TEXT, "", "the entry of HAD_LIST or HAD_WITNESS_LIST that this member is; decides outright"),
    Variable("HAD_POOL", TEXT, "$(COLLECTOR_NAME:hadelect)", "name of the pool; members of another are refused", change=NEVER, equal=True),
    Variable("HAD_ARBITRATION", WORD, "none", "what gives the right to lead: a grant from all that are reached (none), or votes of a majority", words=("none", "majority"), change=NEVER, equal=True),
    Variable("HAD_USE_PRIMARY", BOOLEAN, "false", "the first entry leads whenever it is alive and fit", change=LIVE, equal=True),
    Variable("HAD_PREEMPT_DELAY", SECONDS, "0", "how long a returned primary waits before it asks for the handover", 0, DAY, change=LIVE, equal=True),
    # Timing.
    Variable("HAD_PRESET", WORD, "default", "fast: heartbeat 0.2 and lease 1, unless they are set", words=("default", "fast"), change=LIVE),
    Variable("HAD_CONNECTION_TIMEOUT", SECONDS, "5", "upper bound for one connection attempt", 0.1, 600, change=LIVE, equal=True),
    Variable("HAD_HEARTBEAT_INTERVAL", SECONDS, "0.5", "between two Alive messages", 0.01, 600, change=LIVE, equal=True),
    Variable("HAD_LEASE_DURATION", SECONDS, "3", "how long authority lasts after an acknowledged Alive, and the silence after which a leader is suspected; at least 4 heartbeats", 0.1, 3600, change=LIVE, equal=True),
    Variable("HAD_LEASE_MARGIN", SECONDS, "", "SIGKILL is due this long before authority ends; default: a sixth of the lease, at least 0.25", 0.001, 1800, change=LIVE, equal=True),
    # The controllee.
    Variable("HAD_CONTROLLEE", TEXT, "NEGOTIATOR", "name of the controllee, <X> below", change=NEVER, equal=True),
    Variable("<X>", TEXT, "", "path of the controllee's program (default for NEGOTIATOR: $(SBIN)/condor_negotiator)"),
    Variable("<X>_ARGS", ARGUMENTS, "", "its arguments, as condor_master reads them; it must stay in the foreground"),
    Variable("<X>_ENVIRONMENT", Kind.ENVIRONMENT, "", "added to its environment: A=1;B=2"),
    Variable("<X>_USER", TEXT, "", "user it runs as"),
    Variable("<X>_STOP_SIGNAL", Kind.SIGNAL, "TERM", "signal of a graceful stop", change=LIVE),
    Variable("<X>_STOP_TIMEOUT", SECONDS, "10", "after the signal; then SIGKILL", 0, DAY, change=LIVE),
    Variable("<X>_START_GRACE", SECONDS, "30", "a first process that exits with 0 within this time and leaves others has daemonised; failed probes within it do not count before the first success", 0, DAY, change=LIVE),
    Variable("<X>_CHECK", ARGUMENTS, "", "health probe command, run as <X>_USER: exit 0 = well; 3, 126, 127 or not to be run = unknown, which never counts; anything else = failed", change=LIVE),
    Variable("<X>_CHECK_INTERVAL", SECONDS, "10", "between two probes", 0.1, DAY, change=LIVE),
    Variable("<X>_CHECK_TIMEOUT", SECONDS, "5", "a probe that takes longer has failed", 0.1, DAY, change=LIVE),
    Variable("<X>_CHECK_FAILURES", COUNT, "3", "so many failed probes in a row: it hangs; its tree is ended and started again", 1, 1000, change=LIVE),
    Variable("<X>_START", ARGUMENTS, "", "instead of a path: command that has another manager start it, within <X>_START_GRACE"),
    Variable("<X>_STOP", ARGUMENTS, "", "command that has it stopped, within <X>_STOP_TIMEOUT"),
    Variable("<X>_STATUS", ARGUMENTS, "", "command that exits with 0 if it runs, 3 if it is stopped; anything else is unknown, which is not stopped"),
    Variable("<X>_STATUS_INTERVAL", SECONDS, "2", "between two STATUS commands", 0.1, DAY),
    Variable("<X>_STATUS_TIMEOUT", SECONDS, "5", "a STATUS that takes longer is unknown", 0.1, 600),
    Variable("<X>_KILL", ARGUMENTS, "", "command that surely kills it; majority needs this or <X>_UNIT"),
    Variable("<X>_KILL_TIMEOUT", SECONDS, "", "for KILL and the STATUS that verifies it; below HAD_LEASE_MARGIN; default: three quarters of that", 0.01, 600),
    Variable("<X>_UNIT", TEXT, "", "its systemd unit, or the directory of its cgroup v2, which is killed and verified"),
    Variable("HAD_FENCE_TREE", WORD, "auto", "how the controllee's whole process tree is killed and verified", words=("auto", "namespace", "cgroup", "subreaper")),
    Variable("HAD_ALLOW_UNFENCED", BOOLEAN, "false", "mode majority may start where neither namespace nor cgroup can be had"),
    Variable("HAD_RESTART_LIMIT", COUNT, "3", "exits of the controllee within the window before the member is unfit", 0, 1000, change=LIVE, equal=True),
    Variable("HAD_RESTART_WINDOW", SECONDS, "300", "the window of HAD_RESTART_LIMIT", 0, 7 * DAY, change=LIVE, equal=True),
    Variable("HAD_UNFIT_COOLDOWN", SECONDS, "360", "how long an unfit member does not stand", 0, 7 * DAY, change=LIVE, equal=True),
    Variable("HAD_FENCE_COMMAND", ARGUMENTS, "", "in mode none, before taking over from a silent leader: must exit with 0, else the take-over is put off", change=LIVE),
    Variable("HAD_PRE_START", ARGUMENTS, "", "hook before every start of the controllee; anything but exit 0 is a veto: the member is unfit, the next one stands", change=LIVE),
    Variable("HAD_POST_START", ARGUMENTS, "", "hook after every start", change=LIVE),
    Variable("HAD_PRE_STOP", ARGUMENTS, "", "hook before a planned stop", change=LIVE),
    Variable("HAD_POST_STOP", ARGUMENTS, "", "hook after every end, and once when hadelect starts; the successor starts after it if the move is planned", change=LIVE),
    Variable("HAD_ON_LEADER_CHANGE", ARGUMENTS, "", "hook on every member after the leader changed", change=LIVE),
    Variable("HAD_HOOK_TIMEOUT", SECONDS, "10", "a hook that takes longer has failed", 0.1, DAY, change=LIVE),
    # Files, addresses, security.
    Variable("HAD_STATE_DIR", PATH, "/var/lib/hadelect", "durable term, vote, promise and voters' list; lock, record of the running tree, history; on a local disk"),
    Variable("HAD_CONTROL_SOCKET", PATH, "$(HAD_STATE_DIR)/control.sock", "Unix socket for operators, mode 0660"),
    Variable("HAD_HTTP_ADDRESS", Kind.HTTP, ":9460", "/metrics, /leader, /health, /ready, status page; off for none; port 0 picks one"),
    Variable("HAD_TLS_CERT", PATH, "", "certificate of this member; with HAD_TLS_KEY and HAD_TLS_CA: mutual TLS; read again at a reload", change=LIVE),
    Variable("HAD_TLS_KEY", PATH, "", "its private key", change=LIVE),
    Variable("HAD_TLS_CA", PATH, "", "certificates that sign the members'", change=LIVE),
    Variable("HAD_ALLOW_INSECURE", BOOLEAN, "false", "members on other hosts without TLS", equal=True),
    # Log.
    Variable("HAD_LOG", PATH, "", "log file; default: standard error", change=LIVE),
    Variable("MAX_HAD_LOG", SIZE, "10 MB", "the log is rotated at this size; 0: never", change=LIVE),
    Variable("HAD_DEBUG", TEXT, "", "D_FULLDEBUG for more", change=LIVE),
    Variable("HAD_LOG_FORMAT", WORD, "text", "form of a line", words=("text", "json"), change=LIVE),
    Variable("HAD_UPDATE_INTERVAL", SECONDS, "300", "a status line to the log, besides every change", 1, 7 * DAY, change=LIVE),
    Variable("MAX_HAD_HISTORY", SIZE, "4 MB", "the history of changes in HAD_STATE_DIR is rotated at this size, one old file is kept: some 20 000 changes at the least; 0: never"),
    Variable("HAD_FLIGHT_RECORDER", BOOLEAN, "true", "keep what the election was told and decided, in HAD_STATE_DIR/flight, for `hadelect replay`"),
    Variable("MAX_HAD_FLIGHT_RECORDER", SIZE, "16 MB", "what it may take on disk: a day or so of a quiet pool; the oldest goes first"),
    # Replication: what a reload changes, the replication daemon takes at its own SIGHUP.
    Variable("HAD_USE_REPLICATION", BOOLEAN, "false", "replicate STATE_FILE among the members; each runs `hadelect replication` besides", equal=True),
    Variable("REPLICATION_LIST", MEMBERS, "", "replication daemons, in the order of HAD_LIST", equal=True),
    Variable("REPLICATION_ARGS", ARGUMENTS, "", "-p PORT: the port of this member's replication daemon, which with its own addresses finds its entry"),
    Variable("STATE_FILE", Kind.PATHS, "$(SPOOL)/Accountantnew.log", "files and directories that are replicated as one, separated by commas or blanks; the same number in the same order on all members"),
    Variable("REPLICATION_INTERVAL", SECONDS, "300", "the whole state is compared this often at the latest, whatever inotify says", 1, DAY, change=LIVE, equal=True),
    Variable("REPLICATION_SETTLE", SECONDS, "0.05", "a change is taken when nothing has changed for so long, within a second at the latest", 0, 60, change=LIVE),
    Variable("REPLICATION_MAX_LAG", SECONDS, "300", "how much older than the newest known the state may be that a winner starts on when the newest cannot be had; more needs `hadelect state accept --accept-loss`", 0, 7 * DAY, change=LIVE, equal=True),
    Variable("REPLICATION_FLUSH_TIMEOUT", SECONDS, "30", "how long a planned move waits for the successor to have the last version", 1, DAY, change=LIVE),
    Variable("REPLICATION_KEEP", COUNT, "5", "old versions that are kept, for `hadelect state restore`", 0, 1000, change=LIVE),
    Variable("MAX_TRANSFER_LIFETIME", SECONDS, "300", "upper bound for one transfer; the next attempt goes on from what is there", 1, DAY, change=LIVE),
    Variable("REPLICATION_RATE_LIMIT", SIZE, "0", "bytes per second that this daemon sends, and receives, at the most; 0: no limit", change=LIVE),
    Variable("REPLICATION_COMPRESSION", WORD, "none", "of what is sent", words=("none", "zstd"), change=LIVE),
    Variable("REPLICATION_KEY_FILE", PATH, "", "file with a secret of at least 16 bytes, the same on all members, mode 0600: versions are authenticated by it; default: derived from HAD_POOL, which shows damage, not forgery"),
    Variable("REPLICATION_SNAPSHOT_COMMAND", ARGUMENTS, "", "run before each snapshot on the leader, to have the scheduler write out its state; anything but exit 0 puts the snapshot off", change=LIVE),
    Variable("REPLICATION_HTTP_ADDRESS", Kind.HTTP, "off", "/metrics and /health of the replication daemon; off for none; port 0 picks one"),
    Variable("REPLICATION_LOG", PATH, "", "log file of the replication daemon; default: standard error", change=LIVE),
    Variable("MAX_REPLICATION_LOG", SIZE, "10 MB", "it is rotated at this size; 0: never", change=LIVE),
    Variable("REPLICATION_DEBUG", TEXT, "", "D_FULLDEBUG for more", change=LIVE),
)
# fmt: on

PRESETS: dict[str, dict[str, str]] = {
    "default": {},
    "fast": {"HAD_HEARTBEAT_INTERVAL": "0.2", "HAD_LEASE_DURATION": "1"},
}

# HTCondor's own names that mean nothing here and harm nothing.
WITHOUT_EFFECT = frozenset({
    "HAD_FIPS_MODE", "HAD_STAND_ALONE_DEBUG", "HAD_SOCKET_NAME", "HAD_ENVIRONMENT", "HAD_LOCK",
    "HAD_USE_SHARED_PORT", "REPLICATION_SOCKET_NAME", "REPLICATION_USE_SHARED_PORT",
    "REPLICATION_UPDATE_INTERVAL", "REPLICATION_ENVIRONMENT", "REPLICATION_LOCK",
})  # fmt: skip

# What the main file of HTCondor's packages sets, so that an HA section stands alone.
BUILTIN: dict[str, str] = {
    "RELEASE_DIR": "/usr",
    "BIN": "$(RELEASE_DIR)/bin",
    "SBIN": "$(RELEASE_DIR)/sbin",
    "LIBEXEC": "$(RELEASE_DIR)/libexec/condor",
    "LOCAL_DIR": "/var",
    "LOG": "/var/log/condor",
    "SPOOL": "/var/lib/condor/spool",
    "RUN": "/var/run/condor",
    "LOCK": "/var/lock/condor",
    "SUBSYSTEM": "HAD",
    "NEGOTIATOR": "$(SBIN)/condor_negotiator",
}


def builtins(host_name: str) -> dict[str, str]:
    """What $(NAME) is where nobody defined it. Keys in lower case."""
    defaults = {row.name: row.default for row in VARIABLES if "<X>" not in row.name}
    hosts = {"HOSTNAME": host_name.partition(".")[0], "FULL_HOSTNAME": host_name}
    return {name.lower(): text for name, text in {**defaults, **BUILTIN, **hosts}.items()}
