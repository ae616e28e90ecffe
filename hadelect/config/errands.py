"""The administrator's commands (probe, hooks, fence command), and what is wrong with them.

Law: a command that cannot be run is an error at the start, not at the failover.
"""

import os
import shutil
from pathlib import Path

from hadelect.config.model import CheckSpec, Config, ErrandSpec
from hadelect.config.settings import Settings

OF_A_LEADER = ("HAD_PRE_START", "HAD_POST_START", "HAD_PRE_STOP", "HAD_POST_STOP")
FENCE = "HAD_FENCE_COMMAND"
OF_ALL = "HAD_ON_LEADER_CHANGE"


def errands_of(settings: Settings, *, leads: bool) -> tuple[tuple[str, ErrandSpec], ...]:
    """By the values of core.vocabulary.Errand; only those that this member may have to run."""
    probe = f"{settings.controllee}_CHECK"
    hooks = settings.seconds("HAD_HOOK_TIMEOUT")
    names = [(OF_ALL, OF_ALL, hooks)]
    if leads:
        names = [(name, name, hooks) for name in (*OF_A_LEADER, OF_ALL)]
        names.append(("CHECK", probe, settings.seconds(f"{probe}_TIMEOUT")))
        if settings.word("HAD_ARBITRATION") == "none":
            names.append((FENCE, FENCE, hooks))
    argvs = ((key, name, settings.arguments(name), limit) for key, name, limit in names)
    return tuple((key, ErrandSpec(name, argv, limit)) for key, name, argv, limit in argvs if argv)


def check_of(settings: Settings) -> CheckSpec:
    probe = f"{settings.controllee}_CHECK"
    return CheckSpec(settings.seconds(f"{probe}_INTERVAL"), settings.count(f"{probe}_FAILURES"))


def errands(settings: Settings, config: Config) -> None:
    for _, spec in config.errands:
        runnable(settings, spec)
    _probe(settings, config)
    if settings.is_set(FENCE) and config.arbitration == "majority":
        settings.warn(
            FENCE,
            "is not used in mode majority, where the lease ends the old controllee",
            "remove it, or move what it does into HAD_PRE_START, which may veto",
        )
    hooks = dict(config.errands)
    if "HAD_PRE_START" in hooks and "HAD_POST_STOP" not in hooks:
        settings.warn(
            "HAD_PRE_START",
            "nothing takes back what it does when the member leads no more",
            "set HAD_POST_STOP, or have HAD_PRE_START change nothing",
        )


def runnable(settings: Settings, spec: ErrandSpec) -> None:
    program = spec.argv[0]
    if not program.startswith("/"):
        found = shutil.which(program)
        allowed = "the program must be given with its full path"
        settings.error(spec.name, allowed, f"write {found}" if found else "begin it with /")
    elif not Path(program).is_file():
        settings.error(spec.name, f"{program} does not exist", "correct the path, or install it")
    elif not os.access(program, os.X_OK):
        settings.error(spec.name, f"{program} is not executable", f"chmod +x {program}")


def _probe(settings: Settings, config: Config) -> None:
    probe = dict(config.errands).get("CHECK")
    name = f"{settings.controllee}_CHECK"
    if probe is None:
        for suffix in ("_INTERVAL", "_TIMEOUT", "_FAILURES"):
            if settings.is_set(name + suffix) and not config.witness and not settings.text(name):
                settings.warn(name + suffix, f"has no effect without {name}", f"set {name}")
        return
    if probe.timeout > config.check.interval:
        settings.warn(
            f"{name}_TIMEOUT",
            f"is longer than {name}_INTERVAL ({config.check.interval:g}): a probe that hangs"
            " delays the next one",
            f"lower it to {config.check.interval:g} or less",
        )
