"""What replication is told: read, and what stands against it.

Law: REPLICATION_LIST is parallel to HAD_LIST: the n-th entry is the replication daemon of the n-th
member. Members are named by their HAD_LIST entry, here too.
"""

import stat
from pathlib import Path

from hadelect.config import commands, own_entry, roots
from hadelect.config.errands import runnable
from hadelect.config.findings import Refused
from hadelect.config.model import Address, Config, ErrandSpec, LogSpec, ReplicationSpec
from hadelect.config.own_entry import is_loopback
from hadelect.config.settings import Settings

LIST, KEY = "REPLICATION_LIST", "REPLICATION_KEY_FILE"
SHORTEST_KEY = 16  # Bytes.


def daemons_of(settings: Settings) -> tuple[Address, ...]:
    """Empty: nothing is replicated in this pool."""
    return settings.members(LIST) if settings.boolean("HAD_USE_REPLICATION") else ()


def spec(settings: Settings, me: Address | None, log: LogSpec) -> ReplicationSpec | None:
    """None: this member has no state to replicate. `log` is how HAD logs."""
    members = settings.members("HAD_LIST")
    daemons = settings.members(LIST)
    if not settings.boolean("HAD_USE_REPLICATION") or me not in members:
        return None
    place = members.index(me)
    return ReplicationSpec(
        daemons=daemons,
        me=daemons[place] if place < len(daemons) else me,
        roots=settings.paths(roots.STATE),
        interval=settings.seconds("REPLICATION_INTERVAL"),
        settle=settings.seconds("REPLICATION_SETTLE"),
        max_lag=settings.seconds("REPLICATION_MAX_LAG"),
        flush_timeout=settings.seconds("REPLICATION_FLUSH_TIMEOUT"),
        keep=settings.count("REPLICATION_KEEP"),
        transfer_lifetime=settings.seconds("MAX_TRANSFER_LIFETIME"),
        rate_limit=settings.size("REPLICATION_RATE_LIMIT"),
        compression=settings.word("REPLICATION_COMPRESSION"),
        key_file=settings.path(KEY),
        snapshot_command=settings.arguments("REPLICATION_SNAPSHOT_COMMAND"),
        http_address=settings.http("REPLICATION_HTTP_ADDRESS"),
        log=LogSpec(
            path=settings.path("REPLICATION_LOG"),
            max_bytes=settings.size("MAX_REPLICATION_LOG"),
            debug="D_FULLDEBUG" in settings.text("REPLICATION_DEBUG").upper(),
            json=log.json,
            update_interval=log.update_interval,
            variable="REPLICATION_LOG",
        ),
    )


def member_of(settings: Settings, port: int | None, host: own_entry.Host) -> str | None:
    """The HAD_LIST entry beside the replication daemon with that port (or REPLICATION_ARGS').

    None: nothing here says which it is, or what says so is an error, which was noted.
    """
    daemons, members = settings.members(LIST), settings.members("HAD_LIST")
    try:
        asked = port or commands.port_of(settings.text("REPLICATION_ARGS"))
        if asked is None:
            return None
        return members[daemons.index(own_entry.find(daemons, asked, host))].name
    except IndexError:
        return None  # `check` says that the lists are not parallel.
    except Refused as refused:
        settings.error(LIST, refused.allowed, refused.remedy)
        return None


def check(settings: Settings, config: Config) -> None:
    if not settings.boolean("HAD_USE_REPLICATION"):
        return
    _daemons(settings, config)
    _security(settings, config)
    if config.replication is not None:
        roots.check(settings, config, config.replication.roots)
        _key(settings, config.replication.key_file)
        _command(settings, config)
        _http(settings, config)


def _daemons(settings: Settings, config: Config) -> None:
    daemons = settings.members(LIST)
    if len(daemons) != len(config.members):
        settings.error(
            LIST,
            f"must have one entry for each of the {len(config.members)} of HAD_LIST",
            "list the replication daemons in the order of HAD_LIST, with ports of their own",
        )
        return
    if [entry.host.lower() for entry in daemons] != [m.host.lower() for m in config.members]:
        settings.warn(
            LIST,
            "should be the hosts of HAD_LIST in the same order",
            "list them as in HAD_LIST, with the replication daemons' ports",
        )
    taken = {(entry.host.lower(), entry.port) for entry in config.voters}
    for entry in daemons:
        if (entry.host.lower(), entry.port) in taken:
            settings.error(LIST, f"{entry.name} is listed already", "give it a port of its own")
        taken.add((entry.host.lower(), entry.port))


def _security(settings: Settings, config: Config) -> None:
    outside = not all(is_loopback(entry.host) for entry in settings.members(LIST))
    if outside and config.tls is None and not settings.text(KEY):
        settings.warn(
            KEY,
            "whoever reaches a replication daemon's port can pass for a member",
            f"set {KEY} (openssl rand -hex 32) on all members, or HAD_TLS_*",
        )


def _command(settings: Settings, config: Config) -> None:
    assert config.replication is not None
    if argv := config.replication.snapshot_command:
        runnable(settings, ErrandSpec("REPLICATION_SNAPSHOT_COMMAND", argv, 0))


def _http(settings: Settings, config: Config) -> None:
    assert config.replication is not None
    ours, had = config.replication.http_address, config.http_address
    if ours is not None and had is not None and ours[1] == had[1] != 0:
        settings.error(
            "REPLICATION_HTTP_ADDRESS",
            f"port {ours[1]} is HAD_HTTP_ADDRESS's",
            "give it a port of its own",
        )


def _key(settings: Settings, path: Path | None) -> None:
    if path is None:
        return
    try:
        found = path.stat()
    except OSError as error:
        remedy = "correct the path, or make the file: openssl rand -hex 32"
        settings.error(KEY, f"cannot be read ({error.strerror})", remedy)
        return
    if not stat.S_ISREG(found.st_mode) or found.st_size < SHORTEST_KEY:
        settings.error(
            KEY, f"must be a file of at least {SHORTEST_KEY} bytes", "openssl rand -hex 32"
        )
    if found.st_mode & 0o077:
        settings.error(KEY, "others than its owner may read it", f"chmod 600 {path}")
