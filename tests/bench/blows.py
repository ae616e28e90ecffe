"""What is done to a system that keeps one scheduler, and what one such trial gave."""

import math
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any


class Blow(Enum):
    """What befalls the node on which the scheduler runs. The value is how people call it."""

    DAEMON = "daemon killed"
    SUPERVISOR = "supervisor killed"
    INIT = "init killed"
    DAEMON_AND_SUPERVISOR = "daemon + supervisor killed"
    NODE = "whole node killed"
    CUT = "link cut"
    TERM = "SIGTERM"
    HANDOVER = "handover"
    DAEMON_FROZEN = "daemon frozen"
    SUPERVISOR_FROZEN = "supervisor frozen"
    INIT_FROZEN = "init frozen"


FROZEN = frozenset({Blow.DAEMON_FROZEN, Blow.SUPERVISOR_FROZEN, Blow.INIT_FROZEN})
REVERSIBLE = FROZEN | {Blow.CUT}
PLANNED = frozenset({Blow.TERM, Blow.HANDOVER})


@dataclass(frozen=True, slots=True)
class Trial:
    """One blow; times in ms, infinite where nobody took over while we watched."""

    system: str
    blow: Blow
    failover: float  # From the blow to the new exec.
    gap: float  # From the end of the old scheduler to the new exec; 0 when the old one lived on.
    overlap: float  # Two or more at once, by the kernel or by the journal, whichever saw more.
    outlived: bool  # The overlap ended only when we thawed, mended or killed.


def to_json(trial: Trial) -> dict[str, Any]:
    values = asdict(trial) | {"blow": trial.blow.name}
    return {name: None if value == math.inf else value for name, value in values.items()}


def from_json(values: dict[str, Any]) -> Trial:
    read: dict[str, Any] = {n: math.inf if v is None else v for n, v in values.items()}
    return Trial(**(read | {"blow": Blow[values["blow"]]}))
