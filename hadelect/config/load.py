"""From files to one frozen, checked Config: read, parse, find our own entry, check.

Law: no peer's name is resolved here. An unresolvable peer is a peer that is down, not an error.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from hadelect.config import checks, commands, errands, external, own_entry, replication, sources
from hadelect.config.findings import ConfigError, Refused
from hadelect.config.model import Address, Config, ControlleeSpec, LogSpec, PoolView, TlsSpec
from hadelect.config.settings import Settings, margin

_NOBODY = Address("", "localhost", 0)  # Stands in while errors collect; never leaves this module.
_FULL_DEBUG = ("D_FULLDEBUG", "D_ALL", "D_ANY")


def load(
    path: Path | None = None,
    sets: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
    port: int | None = None,
    member: str | None = None,
) -> Config:
    """The configuration of one member. Raises ConfigError with everything that is wrong.

    `sets` are the NAME=VALUE of --set, `port` is -p, `member` is --member. Reads files, tries
    directories and may resolve a name: never called on the event loop.
    """
    host = own_entry.this_host()
    settings = _settings(path, sets, environ, host)
    me = _own_entry(settings, port, member, host)
    config = _compose(settings, me)
    checks.check_all(settings, config)
    if settings.errors:
        raise ConfigError(settings.errors, settings.warnings)
    return replace(config, warnings=tuple(settings.warnings))


def load_replication(
    path: Path | None = None,
    sets: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
    port: int | None = None,
    member: str | None = None,
) -> Config:
    """The same for a replication daemon: `port` is that of its own entry in REPLICATION_LIST.

    Raises ConfigError, also if there is nothing to replicate here.
    """
    host = own_entry.this_host()
    settings = _settings(path, sets, environ, host)
    if not member and not settings.text("HAD_MEMBER"):
        member = replication.member_of(settings, port, host)
    if settings.errors:
        raise ConfigError(settings.errors, settings.warnings)
    config = load(path, sets, environ, member=member)
    found = config.replication
    if found is None:
        use = "is a witness" if config.witness else "HAD_USE_REPLICATION is not true"
        problem = f"nothing is replicated to {config.me.name}: {use}"
        raise ConfigError([f"{problem}; set it to true, or do not start this daemon"])
    if port is not None and port != found.me.port:
        problem = f"REPLICATION_LIST: {found.me.name} has another port than -p {port}"
        raise ConfigError([f"{problem}; make the two agree"])
    return config


def load_pool(
    path: Path | None = None,
    sets: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
) -> PoolView:
    """What somebody needs who only asks the members: whom and how. Raises ConfigError.

    Works on a machine that is no member, and where the controllee is not installed.
    """
    settings = _settings(path, sets, environ, own_entry.this_host())
    view = PoolView(
        pool=settings.text("HAD_POOL"),
        members=settings.members("HAD_LIST"),
        witnesses=settings.members("HAD_WITNESS_LIST"),
        control_socket=settings.path("HAD_CONTROL_SOCKET") or Path("/"),
        state_dir=settings.path("HAD_STATE_DIR") or Path("/"),
        tls=_tls(settings),
        replication=replication.daemons_of(settings),
    )
    if not settings.text("HAD_LIST"):
        settings.error("HAD_LIST", "required", "list the members: HAD_LIST = cm1:51450, cm2:51450")
    if settings.errors:
        raise ConfigError(settings.errors, settings.warnings)
    return view


def load_control_socket(path: Path | None, sets: Sequence[str]) -> Path:
    """For those who want the member itself to judge the file. Raises ConfigError: unreadable."""
    settings = _settings(path, sets, None, own_entry.this_host())
    return settings.path("HAD_CONTROL_SOCKET") or Path("/")


def _settings(
    path: Path | None,
    sets: Sequence[str],
    environ: Mapping[str, str] | None,
    host: own_entry.Host,
) -> Settings:
    language = sources.read(path, sets, os.environ if environ is None else environ, host.name)
    return Settings(language)


def _own_entry(
    settings: Settings, port: int | None, member: str | None, host: own_entry.Host
) -> Address | None:
    """--member, HAD_MEMBER, else the port and our own addresses. None: an error was noted."""
    before = len(settings.errors)
    listed = settings.members("HAD_LIST") + settings.members("HAD_WITNESS_LIST")
    if not listed or len(settings.errors) > before:
        return None  # An entry that is malformed may be ours.
    wanted = (member or settings.text("HAD_MEMBER")).removeprefix("<").removesuffix(">")
    source = "HAD_MEMBER" if not member and wanted else "HAD_LIST"
    try:
        written = commands.port_of(settings.text("HAD_ARGS"))
    except Refused as refused:
        settings.error("HAD_ARGS", refused.allowed, refused.remedy)
        return None
    try:
        if wanted:  # Outright: several members on one machine may share a file with HAD_ARGS.
            return _named(listed, wanted, port)
        return own_entry.find(listed, port or written, host)
    except Refused as refused:
        settings.error(source, refused.allowed, refused.remedy)
        return None


def _named(listed: tuple[Address, ...], wanted: str, port: int | None) -> Address:
    for entry in listed:
        if entry.name.lower() == wanted.lower():
            if port is not None and port != entry.port:
                raise Refused(f"{entry.name} has another port than -p {port}", "make the two agree")
            return entry
    names = ", ".join(entry.name for entry in listed)
    raise Refused(f"{wanted} is not among the members ({names})", "name one of them")


def _compose(settings: Settings, me: Address | None) -> Config:
    lease = settings.seconds("HAD_LEASE_DURATION")
    witnesses = settings.members("HAD_WITNESS_LIST")
    state_dir = settings.path("HAD_STATE_DIR") or Path("/")
    log = _log(settings)
    return Config(
        pool=settings.text("HAD_POOL"),
        me=me or _NOBODY,
        members=settings.members("HAD_LIST"),
        witnesses=witnesses,
        arbitration=settings.word("HAD_ARBITRATION"),
        use_primary=settings.boolean("HAD_USE_PRIMARY"),
        preempt_delay=settings.seconds("HAD_PREEMPT_DELAY"),
        connection_timeout=settings.seconds("HAD_CONNECTION_TIMEOUT"),
        heartbeat=settings.seconds("HAD_HEARTBEAT_INTERVAL"),
        lease=lease,
        margin=margin(settings),
        restart_limit=settings.count("HAD_RESTART_LIMIT"),
        restart_window=settings.seconds("HAD_RESTART_WINDOW"),
        unfit_cooldown=settings.seconds("HAD_UNFIT_COOLDOWN"),
        controllee=_controllee(settings, leads=me not in witnesses),
        fence_tree=settings.word("HAD_FENCE_TREE"),
        allow_unfenced=settings.boolean("HAD_ALLOW_UNFENCED"),
        state_dir=state_dir,
        control_socket=settings.path("HAD_CONTROL_SOCKET") or state_dir / "control.sock",
        http_address=settings.http("HAD_HTTP_ADDRESS"),
        log=log,
        tls=_tls(settings),
        allow_insecure=settings.boolean("HAD_ALLOW_INSECURE") or checks.trusts_hosts(settings),
        errands=errands.errands_of(settings, leads=me not in witnesses),
        check=errands.check_of(settings),
        max_history=settings.size("MAX_HAD_HISTORY"),
        max_flight=_max_flight(settings),
        replication=replication.spec(settings, me, log),
        values=settings.in_force(),
        digest=_digest(settings),
    )


def _controllee(settings: Settings, *, leads: bool) -> ControlleeSpec:
    name = settings.controllee
    outside = external.spec(settings)
    program = "" if outside else settings.text(name)
    return ControlleeSpec(
        name=name,
        argv=(program, *settings.arguments(f"{name}_ARGS")) if program and leads else (),
        environment=settings.environment(f"{name}_ENVIRONMENT"),
        user=settings.text(f"{name}_USER"),
        stop_signal=settings.signal(f"{name}_STOP_SIGNAL"),
        stop_timeout=settings.seconds(f"{name}_STOP_TIMEOUT"),
        start_grace=settings.seconds(f"{name}_START_GRACE"),
        external=outside,
    )


def _log(settings: Settings) -> LogSpec:
    debug = settings.text("HAD_DEBUG").upper().replace(",", " ").split()
    return LogSpec(
        path=settings.path("HAD_LOG"),
        max_bytes=settings.size("MAX_HAD_LOG"),
        debug=any(word.startswith(_FULL_DEBUG) or word.endswith(":2") for word in debug),
        json=settings.word("HAD_LOG_FORMAT") == "json",
        update_interval=settings.seconds("HAD_UPDATE_INTERVAL"),
    )


def _tls(settings: Settings) -> TlsSpec | None:
    cert, key, ca = (settings.path(f"HAD_TLS_{part}") for part in ("CERT", "KEY", "CA"))
    if cert is None or key is None or ca is None:
        return None
    return TlsSpec(cert, key, ca)


def _digest(settings: Settings) -> str:
    """Twelve hex digits of what should be equal on all members; names and numbers, never paths."""
    lines = [
        f"{row.name}={settings.value(name, row)!r}" for name, row in settings.variables if row.equal
    ]
    return hashlib.sha256("\n".join(lines).encode("utf-8", "backslashreplace")).hexdigest()[:12]


def _max_flight(settings: Settings) -> int:
    size = settings.size("MAX_HAD_FLIGHT_RECORDER")
    return size if settings.boolean("HAD_FLIGHT_RECORDER") else 0
