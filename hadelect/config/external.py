"""A controllee that another manager runs: its variables, and what they must be together.

Law: nothing is refused for what systemd does not answer; what it does answer is taken seriously.
"""

import subprocess
from pathlib import Path

from hadelect.config.model import Config, ExternalSpec
from hadelect.config.settings import Settings, margin

NEEDED = ("_START", "_STOP", "_STATUS")
SYSTEMD_RUNS = Path("/run/systemd/system")  # There is such a directory exactly where it runs.
ANSWER_SECONDS = 2.0  # For systemctl to tell of a unit.


def is_meant(settings: Settings) -> bool:
    """Whether any of its variables is set."""
    names = (*NEEDED, "_KILL", "_UNIT")
    return any(settings.text(settings.controllee + suffix) for suffix in names)


def spec(settings: Settings) -> ExternalSpec | None:
    """None: the controllee is a program of ours."""
    name = settings.controllee
    if not is_meant(settings):
        return None
    unit = settings.text(f"{name}_UNIT")
    return ExternalSpec(
        start=settings.arguments(f"{name}_START"),
        stop=settings.arguments(f"{name}_STOP"),
        status=settings.arguments(f"{name}_STATUS"),
        kill=settings.arguments(f"{name}_KILL"),
        cgroup=cgroup_of(unit) if unit else "",
        kill_timeout=settings.seconds(f"{name}_KILL_TIMEOUT") or margin(settings) * 0.75,
        status_timeout=settings.seconds(f"{name}_STATUS_TIMEOUT"),
        status_interval=settings.seconds(f"{name}_STATUS_INTERVAL"),
    )


def check(settings: Settings, config: Config) -> None:
    name = settings.controllee
    if settings.is_set(name) and settings.text(name):
        settings.error(
            name,
            f"a path and {name}_START cannot both be given",
            f"remove {name}, or the commands of the other manager",
        )
    missing = [name + suffix for suffix in NEEDED if not settings.text(name + suffix)]
    if missing:
        settings.error(
            missing[0],
            "required for a controllee that another manager runs",
            f"set {', '.join(missing)}",
        )
    for suffix in (*NEEDED, "_KILL"):
        _program(settings, name + suffix)
    if config.controllee.user:
        settings.error(
            f"{name}_USER",
            "the other manager decides who it runs as",
            "remove the line; hadelect's commands run as hadelect's user",
        )
    _sure(settings, config)
    _unit(settings, config)


def _program(settings: Settings, name: str) -> None:
    import shutil  # noqa: PLC0415 - with its archive formats; here alone

    words = settings.arguments(name)
    if words and shutil.which(words[0]) is None:
        settings.error(
            name, f"{words[0]} is no program that can be run", "write the path of an existing one"
        )


def _sure(settings: Settings, config: Config) -> None:
    """Something must surely kill it, in time."""
    name, external = settings.controllee, config.controllee.external
    assert external is not None
    if not (external.kill or external.cgroup):
        say = settings.error if config.arbitration == "majority" else settings.warn
        say(
            f"{name}_START",
            f"a leader cut off cannot be sure that it is dead without {name}_UNIT or {name}_KILL",
            f"set {name}_UNIT to its systemd unit, or {name}_KILL to a command that surely kills",
        )
    elif external.kill_timeout >= config.margin:
        settings.error(
            f"{name}_KILL_TIMEOUT",
            f"must be below HAD_LEASE_MARGIN ({config.margin:g})",
            "raise HAD_LEASE_DURATION and HAD_LEASE_MARGIN, or use a quicker way to kill",
        )


def _unit(settings: Settings, config: Config) -> None:
    name, external = f"{settings.controllee}_UNIT", config.controllee.external
    unit = settings.text(name)
    if external is None or not unit:
        return
    if _mount() is None:
        settings.error(
            name,
            "this host has no cgroup v2, whose cgroup.kill (Linux 5.14) kills a unit",
            f"use {settings.controllee}_KILL instead",
        )
    elif unit.startswith("/") and not unit.startswith(f"{_mount()}/"):
        settings.error(name, f"must be a unit, or a directory below {_mount()}", "correct the path")
    restart = _asked_of_systemd(unit).get("Restart", "no")
    if restart not in {"no", ""}:
        say = settings.error if config.arbitration == "majority" else settings.warn
        say(
            name,
            f"it has Restart={restart}: systemd would start again what hadelect has killed",
            f"systemctl edit {unit}: [Service] Restart=no",
        )


def sure_way(name: str, external: ExternalSpec) -> str:
    """What makes sure that it is dead, and what nothing of ours can."""
    if external.cgroup:
        how = f"by its cgroup {external.cgroup}"
    elif external.kill:
        how = f"by {name}_KILL and {name}_STATUS within {external.kill_timeout:g} s"
    else:
        how = f"by {name}_STOP, as far as {name}_STATUS is right"
    return (
        f"another manager runs {name}; it is killed and verified {how}. "
        "BindsTo=hadelect-had.service in its unit ends it even if all processes of hadelect are "
        "killed at once"
    )


# --- where its cgroup is ---


def cgroup_of(unit: str) -> str:
    """The directory of a unit's cgroup, whether or not it is there now."""
    if unit.startswith("/"):
        return unit.rstrip("/")
    return f"{_mount() or '/sys/fs/cgroup'}{path_below(unit, _asked_of_systemd(unit))}"


def path_below(unit: str, told: dict[str, str]) -> str:
    """Of its cgroup, below the mount, by what systemd told of it."""
    unit = unit if "." in unit else f"{unit}.service"
    return told.get("ControlGroup") or f"{_below(told.get('Slice') or 'system.slice')}/{unit}"


def _below(slice_name: str) -> str:
    """a-b.slice lies in a.slice; -.slice is the root."""
    parts = slice_name.removesuffix(".slice").split("-")
    if parts == ["", ""]:
        return ""
    return "".join(f"/{'-'.join(parts[: n + 1])}.slice" for n in range(len(parts)))


def _mount() -> str | None:
    """Where cgroup v2 is mounted."""
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((line.split()[4] for line in lines if " - cgroup2 " in line), None)


def _asked_of_systemd(unit: str) -> dict[str, str]:
    """What it says of a unit; nothing where systemd does not run, or does not answer."""
    if unit.startswith("/") or not SYSTEMD_RUNS.is_dir():
        return {}
    command = ["systemctl", "show", "--property=ControlGroup,Slice,Restart", "--", unit]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=ANSWER_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return {}
    pairs = (line.partition("=") for line in done.stdout.splitlines())
    return {name: value for name, _, value in pairs}
