"""What the supervisor is told, and what its fences need of the daemon's loop."""

import asyncio
import os
import pwd
import socket
from collections.abc import Callable

from hadelect.config.model import Config, ControlleeSpec
from hadelect.core.events import ControlleeChanged
from hadelect.core.vocabulary import ControlleeState, Term
from hadelect.supervisor.packets import Body, number, text


class AsyncClock:
    """What an Ending needs of a loop."""

    def after(self, length_ms: int, act: Callable[[], None]) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(length_ms / 1000, act)


def stop_body(term: int, because: str, *, kill: bool) -> Body:
    return {"do": "stop", "term": term, "kill": kill, "because": because}


def socket_of(fd: int) -> socket.socket:
    """Nobody but this process must keep it open: its end is ours."""
    sock = socket.socket(fileno=fd)
    sock.setblocking(False)
    os.set_inheritable(fd, False)
    return sock


def shut(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # Closed by the other end already.


def released(body: Body) -> ControlleeChanged:
    """The answer to an asked stop. Raises JunkError."""
    return ControlleeChanged(
        Term(number(body, "term")),
        ControlleeState.STOPPED,
        because=text(body, "because"),
        asked=True,
        secret=text(body, "secret"),
        next_secret_hash=text(body, "next_secret_hash"),
    )


def stop_failed(body: Body) -> ControlleeChanged:
    """Raises JunkError."""
    term, because = Term(number(body, "term")), text(body, "because")
    return ControlleeChanged(term, ControlleeState.STOP_FAILED, because=because)


def configure_body(config: Config) -> Body:
    """ValueError with the remedy when the controllee's user does not exist.

    The user is looked up here: a directory service may hang, the supervisor must not.
    """
    controllee = config.controllee
    argv = () if config.witness else controllee.argv
    return {
        "do": "configure",
        "state_dir": str(config.state_dir),
        "pool": config.pool,
        "member": config.me.name,
        "controllee": controllee.name,
        "argv": list(argv),
        "external": None if config.witness else _external(controllee),
        "environment": [list(pair) for pair in controllee.environment],
        "user": user_of(controllee) if argv and controllee.user else None,
        **_ending(controllee),
        "state_lock": str(config.state_lock) if config.replication else "",
        "fence": config.fence_tree,
        "may_be_unfenced": config.arbitration == "none" or config.allow_unfenced,
    }


def adjust_body(config: Config) -> Body:
    """What a reload may change of it while the controllee runs."""
    return {"do": "adjust", **_ending(config.controllee)}


def patience_ms(config: Config) -> int:
    """How long supervisor and init may leave a command without acknowledgement."""
    return int(max(config.margin * 1000 / 2, config.lease * 1000 / 4))


def _ending(controllee: ControlleeSpec) -> Body:
    return {
        "stop_signal": controllee.stop_signal,
        "stop_timeout_ms": int(controllee.stop_timeout * 1000),
        "start_grace_ms": int(controllee.start_grace * 1000),
    }


def _external(controllee: ControlleeSpec) -> Body | None:
    external = controllee.external
    if external is None:
        return None
    return {
        "start": list(external.start),
        "stop": list(external.stop),
        "status": list(external.status),
        "kill": list(external.kill),
        "cgroup": external.cgroup,
        "kill_limit_ms": int(external.kill_timeout * 1000),
        "status_limit_ms": int(external.status_timeout * 1000),
        "status_gap_ms": int(external.status_interval * 1000),
    }


def user_of(controllee: ControlleeSpec) -> Body:
    try:
        found = pwd.getpwnam(controllee.user)
    except KeyError:
        raise ValueError(
            f"{controllee.name}_USER = {controllee.user}: no such user on this host; "
            "create it or correct the line"
        ) from None
    return {
        "name": found.pw_name,
        "home": found.pw_dir,
        "uid": found.pw_uid,
        "gid": found.pw_gid,
        "groups": os.getgrouplist(found.pw_name, found.pw_gid),
    }
