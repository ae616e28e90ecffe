"""What `configure` tells the supervisor: the few facts of a Config that it needs."""

import os
import pwd

from hadelect.config.model import Config, ControlleeSpec
from hadelect.supervisor.packets import Body


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
        "environment": [list(pair) for pair in controllee.environment],
        "user": _user(controllee) if argv and controllee.user else None,
        "stop_signal": controllee.stop_signal,
        "stop_timeout_ms": int(controllee.stop_timeout * 1000),
        "start_grace_ms": int(controllee.start_grace * 1000),
        "fence": config.fence_tree,
        "may_be_unfenced": config.arbitration == "none" or config.allow_unfenced,
    }


def _user(controllee: ControlleeSpec) -> Body:
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
