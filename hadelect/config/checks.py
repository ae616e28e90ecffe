"""What one value alone cannot show: relations, safety, and what the machine must have.

Law: every check only adds findings; all of them run, so that all errors come at once.
"""

import os
import pwd
from collections import Counter
from pathlib import Path

from hadelect.config import external, replication
from hadelect.config.errands import errands
from hadelect.config.findings import Finding
from hadelect.config.language import TRUE
from hadelect.config.model import Config
from hadelect.config.own_entry import is_loopback
from hadelect.config.promise import survives
from hadelect.config.settings import Settings

MOST_VOTERS = 64  # The core's TERM_STRIDE: beyond it terms would not be unique.
LONGEST_SOCKET_PATH = 107  # Bytes; sun_path of the kernel.
# Programs that go to the background unless they are told not to.
FOREGROUND = {
    "slurmctld": "-D",
    "slurmdbd": "-D",
    "pbs_server": "-D",
    "pbs_server.bin": "-D",
    "pbs_sched": "-D",
    "maui": "-d",
}


def check_all(settings: Settings, config: Config) -> None:
    voters(settings, config)
    timing(settings, config)
    security(settings, config)
    controllee(settings, config)
    errands(settings, config)
    places(settings, config)
    not_yet(settings)
    replication.check(settings, config)
    settings.warn_unknown()


def voters(settings: Settings, config: Config) -> None:
    if not settings.text("HAD_LIST"):
        settings.error("HAD_LIST", "required", "list the members: HAD_LIST = cm1:51450, cm2:51450")
        return
    counts = Counter((entry.host.lower(), entry.port) for entry in config.voters)
    for (host, port), count in counts.items():
        if count > 1:
            name = "HAD_LIST" if _count(config, host, port) > 1 else "HAD_WITNESS_LIST"
            settings.error(name, f"{host}:{port} is listed {count} times", "list it once")
    if len(config.voters) > MOST_VOTERS:
        settings.error(
            "HAD_LIST", f"must be at most {MOST_VOTERS} members and witnesses", "list fewer"
        )
    if config.arbitration == "majority" and len(config.members) > 1 and survives(config) == 0:
        settings.warn(
            "HAD_ARBITRATION",
            "with two voters majority survives no failure",
            "add a third member, or a HAD_WITNESS_LIST",
        )
    if config.arbitration == "none" and config.witnesses:
        settings.warn(
            "HAD_WITNESS_LIST",
            "in mode none a witness decides nothing in a partition",
            "set HAD_ARBITRATION = majority",
        )


def _count(config: Config, host: str, port: int) -> int:
    return sum(1 for entry in config.members if (entry.host.lower(), entry.port) == (host, port))


def timing(settings: Settings, config: Config) -> None:
    """The relations that the safety of a lease rests on (design, sections 3 and 4)."""
    lease, heartbeat, margin = config.lease, config.heartbeat, config.margin
    if lease < 4 * heartbeat:
        settings.error(
            "HAD_LEASE_DURATION",
            f"must be at least 4 x HAD_HEARTBEAT_INTERVAL ({heartbeat:g}) = {4 * heartbeat:g}",
            f"raise it, or lower HAD_HEARTBEAT_INTERVAL to {lease / 4:g} or less",
        )
    name = "HAD_LEASE_MARGIN" if settings.is_set("HAD_LEASE_MARGIN") else "HAD_LEASE_DURATION"
    if margin >= lease / 2:
        settings.error(
            name,
            f"HAD_LEASE_MARGIN ({margin:g}) must be less than half of the lease ({lease:g})",
            "raise HAD_LEASE_DURATION, or lower HAD_LEASE_MARGIN",
        )
    elif margin + 2 * heartbeat > lease:
        settings.error(
            name,
            f"the lease ({lease:g}) must hold two heartbeats and the margin ({margin:g})",
            "raise HAD_LEASE_DURATION, or lower HAD_HEARTBEAT_INTERVAL",
        )
    if config.arbitration == "majority" and lease < 1:
        settings.warn(
            "HAD_LEASE_DURATION",
            "below 1 a busy host loses the lease without need",
            "1 or more is advised in mode majority",
        )
    elif settings.is_set("HAD_LEASE_MARGIN") and margin < 0.1:
        settings.warn(
            "HAD_LEASE_MARGIN",
            "a busy host may be stalled for longer than this",
            "0.25 or more is advised",
        )


def security(settings: Settings, config: Config) -> None:
    tls = ("HAD_TLS_CERT", "HAD_TLS_KEY", "HAD_TLS_CA")
    given = [name for name in tls if settings.text(name)]
    if 0 < len(given) < len(tls):
        missing = ", ".join(name for name in tls if name not in given)
        settings.error(given[0], f"needs {missing} too", f"set {missing}, or none of the three")
    for name in given:
        file = settings.path(name)
        if file is not None and not os.access(file, os.R_OK):
            settings.error(
                name, "must be a file that can be read", "correct the path or its permissions"
            )
    if given or all(is_loopback(entry.host) for entry in config.voters):
        return
    if trusts_hosts(settings):
        settings.warn(
            "HAD_ALLOW_INSECURE",
            "members are told apart by their host only, as HTCondor's ALLOW_* and HOSTALLOW_* did",
            "set HAD_TLS_CERT, HAD_TLS_KEY and HAD_TLS_CA for better",
        )
    elif not settings.boolean("HAD_ALLOW_INSECURE"):
        settings.error(
            "HAD_LIST",
            "members on other hosts need TLS",
            "set HAD_TLS_CERT, HAD_TLS_KEY and HAD_TLS_CA, "
            "or HAD_ALLOW_INSECURE = true on a network that you trust",
        )


def trusts_hosts(settings: Settings) -> bool:
    """Whether HTCondor's own variables trust hosts, and HAD_ALLOW_INSECURE says nothing.

    The sample of HTCondor's manual has HOSTALLOW_*; so it works unchanged (docs/divergence.md).
    """
    if settings.is_set("HAD_ALLOW_INSECURE"):
        return False
    names = ("ADMINISTRATOR", "NEGOTIATOR", "DAEMON")
    return any(
        settings.macros.is_defined(f"{prefix}_{name}")
        for prefix in ("HOSTALLOW", "ALLOW")
        for name in names
    )


def controllee(settings: Settings, config: Config) -> None:
    name = settings.controllee
    if config.witness:
        return
    if external.is_meant(settings):
        external.check(settings, config)
        return
    program = settings.text(name)
    if not program:
        settings.error(name, "required: the path of the controllee's program", f"{name} = /PATH")
    elif not program.startswith("/"):
        settings.error(name, "must be an absolute path", "begin it with /")
    elif not Path(program).is_file():
        settings.error(
            name, "this program does not exist", f"correct {name}; arguments go to {name}_ARGS"
        )
    elif not os.access(program, os.X_OK):
        settings.error(name, "this program is not executable", f"chmod +x {program}")
    _foreground(settings, config, Path(program).name)
    _user(settings, config)


def _foreground(settings: Settings, config: Config, program: str) -> None:
    name = settings.controllee
    option = "-f" if program.startswith("condor_") else FOREGROUND.get(program)
    if option and option not in config.controllee.argv[1:]:
        settings.warn(
            name,
            f"{program} goes to the background without {option}",
            f"add {option} to {name}_ARGS, so that its end is seen at once",
        )


def _user(settings: Settings, config: Config) -> None:
    name, user = f"{settings.controllee}_USER", config.controllee.user
    if not user:
        return
    try:
        uid = pwd.getpwnam(user).pw_uid
    except (KeyError, ValueError):
        settings.error(name, "no such user on this host", "create the user, or correct the name")
        return
    if os.geteuid() not in {0, uid}:
        settings.error(name, "only root runs programs as another user", f"run as root or {user}")


def places(settings: Settings, config: Config) -> None:
    """Files and sockets: what cannot be made is said before the start, not after."""
    socket = os.fsencode(config.control_socket)
    if len(socket) > LONGEST_SOCKET_PATH:
        settings.error(
            "HAD_CONTROL_SOCKET",
            f"must be at most {LONGEST_SOCKET_PATH} bytes, as the kernel allows",
            "set a shorter HAD_CONTROL_SOCKET, such as /run/hadelect.sock",
        )
    if config.replication and len(os.fsencode(config.replication_socket)) > LONGEST_SOCKET_PATH:
        settings.error(
            "HAD_STATE_DIR",
            f"replication.sock in it must be at most {LONGEST_SOCKET_PATH} bytes long",
            "set a shorter HAD_STATE_DIR",
        )
    _writable(settings, "HAD_STATE_DIR", config.state_dir)
    if config.log.path is not None:
        _writable(settings, "HAD_LOG", config.log.path.parent)
    if config.replication is not None and config.replication.log.path is not None:
        _writable(settings, "REPLICATION_LOG", config.replication.log.path.parent)


def _writable(settings: Settings, name: str, directory: Path) -> None:
    """The directory is there and can be written, or can be made: tried, not guessed."""
    nearest = directory
    while not os.path.lexists(nearest) and nearest != nearest.parent:
        nearest = nearest.parent
    if not nearest.is_dir():
        settings.error(name, f"{nearest} is not a directory", f"remove it, or correct {name}")
        return
    try:
        trial = nearest / f".hadelect-{os.urandom(8).hex()}"
        trial.mkdir(mode=0o700)
        trial.rmdir()
    except OSError as error:
        settings.error(
            name,
            f"{nearest} cannot be written by uid {os.geteuid()} ({error.strerror})",
            f"run as its owner, or set {name} to a directory that can be written",
        )


def not_yet(settings: Settings) -> None:
    """What is read and kept but not acted upon in this release is said, never silently skipped."""
    shared = settings.macros.find("HAD_USE_SHARED_PORT")
    if shared is not None and shared.text.lower() in TRUE:
        said = "HAD_USE_SHARED_PORT has no effect: each HAD has a port of its own"
        settings.warnings.append(str(Finding(shared.place, said, "remove it")))
