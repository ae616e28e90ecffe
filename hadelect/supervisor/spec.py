"""What the daemon tells the supervisor once (`configure`), checked as a whole."""

from __future__ import annotations

import os
import signal

from hadelect.supervisor import external
from hadelect.supervisor.fence import KINDS
from hadelect.supervisor.packets import (
    Body,
    JunkError,
    entries,
    is_text,
    number,
    text,
    texts,
    truth,
)

# systemd means us with these: the controllee would speak in our name.
NOT_FOR_CONTROLLEES = (
    *("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "MAINPID", "JOURNAL_STREAM"),
    *("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "HADELECT_SUPERVISOR_FD"),
)


class ConfigurationError(Exception):
    """The operator must do something; the text says what."""


class User:
    """Who the controllee runs as. Looked up by the daemon: the supervisor asks no directory."""

    __slots__ = ("gid", "groups", "home", "name", "uid")

    def __init__(self, body: Body) -> None:
        self.name = text(body, "name")
        self.home = text(body, "home")
        self.uid = number(body, "uid")
        self.gid = number(body, "gid")
        self.groups = [entry for entry in entries(body, "groups") if type(entry) is int]
        if not 0 <= max(self.uid, self.gid, *self.groups, 0) < 2**32 - 1:
            raise JunkError("user: no such number of a user or group")


class Spec:
    __slots__ = (
        *("state_dir", "pool", "member", "controllee", "argv", "environment", "user"),
        *("stop_signal", "stop_timeout_ms", "start_grace_ms", "fence", "may_be_unfenced"),
        *("external", "state_lock"),
    )

    def __init__(self, body: Body) -> None:
        """Raises JunkError."""
        self.state_dir = text(body, "state_dir")
        self.pool = text(body, "pool")
        self.member = text(body, "member")
        self.controllee = text(body, "controllee")
        self.argv = texts(body, "argv")  # Empty on a witness, and if another manager runs it.
        self.external = external.read(body.get("external"), self.environment_of)
        self.environment = environment_pairs(body)
        self.user = optional_user(body)
        self.state_lock = text(body, "state_lock")  # A path; "": nothing is replicated.
        self.adjust(body)
        self.fence = text(body, "fence")  # auto or one of FENCES.
        self.may_be_unfenced = truth(body, "may_be_unfenced")
        if self.fence not in ("auto", *KINDS):
            raise JunkError(f"fence {self.fence!r}: auto, {', '.join(KINDS)} are known")

    @property
    def runs_something(self) -> bool:
        """Not on a witness."""
        return bool(self.argv or self.external)

    def adjust(self, body: Body) -> None:
        """How its controllee ends; may change while it runs. JunkError: nothing has changed."""
        stop_signal = number(body, "stop_signal")
        stop_timeout_ms = number(body, "stop_timeout_ms")
        start_grace_ms = number(body, "start_grace_ms")
        if not 0 < stop_signal < signal.NSIG:
            raise JunkError(f"stop_signal {stop_signal}: no such signal")
        self.stop_signal = stop_signal
        self.stop_timeout_ms = stop_timeout_ms
        self.start_grace_ms = start_grace_ms

    def check_user(self) -> None:
        if self.user and os.geteuid() not in (0, self.user.uid):
            raise ConfigurationError(
                f"{self.controllee}_USER = {self.user.name} needs hadelect to run as root; "
                "start it as root or remove the line"
            )

    def environment_of(self, term: int) -> dict[str, str]:
        """What the controllee of `term` sees."""
        kept = {k: v for k, v in os.environ.items() if k not in NOT_FOR_CONTROLLEES}
        if self.user:
            kept.update(HOME=self.user.home, USER=self.user.name, LOGNAME=self.user.name)
        kept.update(self.environment)
        kept.update(
            HADELECT_TERM=str(term),
            HADELECT_MEMBER=self.member,
            HADELECT_CONTROLLEE=self.controllee,
        )
        return {k: v for k, v in kept.items() if k not in NOT_FOR_CONTROLLEES}


def environment_pairs(body: Body) -> dict[str, str]:
    named: dict[str, str] = {}
    for pair in entries(body, "environment"):
        if not isinstance(pair, list) or len(pair) != 2 or not all(map(is_text, pair)):
            raise JunkError("environment: a list of pairs of texts is needed")
        name, value = pair
        if not name or "=" in name:
            raise JunkError(f"environment: {name!r} is no name of a variable")
        named[name] = value
    return named


def optional_user(body: Body) -> User | None:
    user = body.get("user")
    if user is None:
        return None
    if not isinstance(user, dict):
        raise JunkError("user: an object or null is needed")
    return User(user)
