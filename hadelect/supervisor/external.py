"""A controllee that another manager runs: the words to say to that manager, and what it shows.

1. `cgroup`, where it is given, is the truth about what runs; else STATUS is believed.
2. STATUS: 0 = it runs, 3 = it is stopped, anything else (or no answer in time) = unknown, which is
   not stopped.
3. KILL, and STOP in its place where no KILL is given, also take back a START that is under way.
"""

from __future__ import annotations

from hadelect.supervisor.command import Command
from hadelect.supervisor.linux import start_time
from hadelect.supervisor.packets import Body, JunkError, number, text, texts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hadelect.supervisor.command import Reaper, Starter

    EnvironmentOf = Callable[[int], dict[str, str]]

RUNS, STOPPED = 0, 3  # What STATUS exits with.


class External:
    __slots__ = (
        *("body", "start", "stop", "status", "kill", "cgroup"),
        *("kill_limit_ms", "status_limit_ms", "status_gap_ms", "_environment_of"),
    )

    def __init__(self, body: Body, environment_of: EnvironmentOf) -> None:
        """Raises JunkError."""
        self.body = body  # As the record of this life keeps it for a later one.
        self.start = texts(body, "start")
        self.stop = texts(body, "stop")
        self.status = texts(body, "status")
        self.kill = texts(body, "kill")  # May be empty.
        self.cgroup = text(body, "cgroup")  # The directory of its unit's cgroup v2; "" = none.
        self.kill_limit_ms = number(body, "kill_limit_ms")  # Of KILL and of STATUS after it, each.
        self.status_limit_ms = number(body, "status_limit_ms")
        self.status_gap_ms = number(body, "status_gap_ms")
        self._environment_of = environment_of
        if not (self.start and self.stop and self.status):
            raise JunkError("external: start, stop and status are needed")

    def run(
        self, argv: list[str], limit_ms: int, term: int, reaper: Reaper, start: Starter | None
    ) -> Command:
        """One of the commands, with the fencing token in its environment."""
        return Command(argv, self._environment_of(term), limit_ms, reaper, start)

    def shows_life(self) -> bool:
        """Whether the cgroup holds a process. A cgroup that is not there holds none."""
        try:
            with open(f"{self.cgroup}/cgroup.events", encoding="ascii") as file:
                return "populated 1" in file.read()
        except FileNotFoundError:
            return False
        except OSError as error:
            return error.errno != 19  # ENODEV: removed while we read.

    def main_pid(self) -> int:
        """The oldest process of the cgroup itself; 0 if it cannot be had."""
        if not self.cgroup:
            return 0
        try:
            with open(f"{self.cgroup}/cgroup.procs", encoding="ascii") as file:
                born = sorted((start_time(int(pid)), int(pid)) for pid in file.read().split())
        except OSError:
            return 0
        return next((pid for at, pid in born if at and pid), 0)


def read(body: object, environment_of: EnvironmentOf) -> External | None:
    """None = the controllee is a program of ours. Raises JunkError."""
    if body is None:
        return None
    if not isinstance(body, dict):
        raise JunkError("external: an object or null is needed")
    return External(body, environment_of)
