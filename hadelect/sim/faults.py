"""How unkind the world is: one field per fault, drawn from the seed, printed with every violation.

Two kinds of field: conditions that hold all the time (delays, losses, rates), and weights of things
that happen now and then (0 = never).
A weight's name is the name of a method of `chaos.Chaos`.
"""

from dataclasses import dataclass, fields

Range = tuple[int, int]

# What the design bears without moving anything (promise 2).
JITTER_BORNE_MS = 55
LATENESS_BORNE_MS = 150
LOSS_BORNE = 0.05


@dataclass(frozen=True, slots=True)
class Faults:
    # Network; times in milliseconds.
    delay_ms: Range = (1, 2)
    loss: float = 0.0  # Of one packet: a stream retransmits after 200 ms, 400 ms …
    datagram_loss: float = 0.0  # Of probes and death notices, which nobody retransmits.
    duplication: float = 0.0
    reorder: bool = False  # Also within a stream: worse than TCP.
    keepalive_ms: int = 3000  # A cut stream is given up after this; until then its bytes wait.
    one_way_streams: bool = False  # One direction of a stream may be dead for ever: worse than TCP.
    # Machines and their processes.
    drift_ppm: int = 0  # Clock rates lie within +- this, and wander.
    disk_ms: Range = (1, 1)
    disk_stall: float = 0.0  # Chance of a write that takes `disk_stall_ms`.
    disk_stall_ms: Range = (500, 3000)
    tick_late_ms: Range = (0, 0)
    pipe_ms: Range = (0, 0)  # Between daemon and supervisor, supervisor and init.
    kill_ms: Range = (1, 1)  # From SIGKILL of the init to nothing left.
    start_ms: Range = (150, 150)  # From exec of a daemon to its first decision.
    exec_ms: Range = (1, 1)
    quit_ms: Range = (40, 40)  # What the controllee takes after SIGTERM.
    errand_ms: Range = (5, 5)  # What a hook, a probe or the fence command takes …
    errand_fail: float = 0.0  # … and the chances that it fails, …
    errand_hang: float = 0.0  # … or takes longer than it may.
    unit_ms: Range = (1000, 1000)  # Until the service manager restarts a supervisor.
    # What happens now and then.
    gap_ms: Range = (200, 5000)  # Between two of the events below.
    pause_ms: Range = (50, 8000)  # How long a stopped process stays stopped.
    power: int = 0
    reboot: int = 0
    kill_daemon: int = 0
    kill_supervisor: int = 0
    kill_init: int = 0
    kill_daemon_and_supervisor: int = 0
    pause_daemon: int = 0
    pause_supervisor: int = 0
    pause_init: int = 0
    pause_daemon_and_supervisor: int = 0
    controllee_exit: int = 0
    controllee_hang: int = 0
    exec_failure: int = 0
    slow_quit: int = 0  # The controllee ignores SIGTERM.
    unkillable: int = 0  # State D for a while.
    leftover: int = 0  # The same, and the supervisor dies.
    cut: int = 0
    one_way: int = 0
    chain: int = 0  # One pair cannot talk, all others can.
    partition: int = 0
    lure: int = 0  # The leader's last voters restart and join the other side.
    heal: int = 0
    drop_notices: int = 0
    disk_full: int = 0
    disk_stalls: int = 0
    wipe: int = 0
    drift: int = 0
    restart: int = 0  # A clean stop and start: an upgrade.
    handover: int = 0
    drain: int = 0
    reload: int = 0  # A member's timing changes while it runs.
    standby_restart: int = 0
    standby_crash: int = 0

    @property
    def harsh(self) -> bool:
        """Beyond what the design promises to bear without moving: stability is not judged."""
        slow = self.delay_ms[1] > JITTER_BORNE_MS or self.tick_late_ms[1] > LATENESS_BORNE_MS
        return slow or self.reorder or max(self.loss, self.datagram_loss) > LOSS_BORNE

    def __str__(self) -> str:
        """Only what differs from a kind world."""
        kind = Faults()
        return " ".join(
            f"{field.name}={getattr(self, field.name)}"
            for field in fields(self)
            if getattr(self, field.name) != getattr(kind, field.name)
        )


EVENTS = tuple(field.name for field in fields(Faults) if isinstance(field.default, int))
EVENTS = EVENTS[EVENTS.index("power") :]
