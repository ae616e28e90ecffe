"""One central manager: power, clock, disk, and the processes on it.

Law: what is on the disk outlives everything but `wipe`; a process outlives nothing; a tree in state
     D outlives its supervisor, never the power.
"""

from typing import TYPE_CHECKING

from hadelect.core.events import Command, Reloaded, Shutdown
from hadelect.core.render import asked
from hadelect.core.vocabulary import Errand, Role, Rules
from hadelect.sim.beside import Replication
from hadelect.sim.clock import BootClock
from hadelect.sim.disk import Disk
from hadelect.sim.faults import JITTER_BORNE_MS
from hadelect.sim.process import Process
from hadelect.sim.replication_by_script import ReplicationByScript
from hadelect.sim.supervisor import STOP_TIMEOUT_MS, Supervisor

if TYPE_CHECKING:
    from hadelect.sim.daemon import Daemon
    from hadelect.sim.init import Init
    from hadelect.sim.world import World

EOF_MS = (0, 2)  # Until a process notices that its peer's socket has closed.


class Machine:
    def __init__(self, world: "World", rules: Rules) -> None:
        self.world = world
        self.rules = rules
        self.widest_margin_ms = rules.margin_ms  # Of all that it ran with.
        self.name = rules.me
        self.up = False
        self.boot = 0  # Names the boot: the boot id.
        self.lives = 0  # Of supervisors, over all boots.
        self.clock = BootClock(0, 0)
        self.disk = Disk(self)
        self.replication: Replication = ReplicationByScript(self)
        self.supervisor: Supervisor | None = None
        self.daemon: Daemon | None = None
        self.trees: list[Init] = []
        self.stuck_until = 0  # A SIGKILL before then takes effect only then.
        self.exec_failures = 0  # So many of the next starts fail.
        self.habits: dict[Errand, str] = {}  # fails, hangs, unknown.
        self.treeless = False  # No init can be raised any more: its record cannot be written.
        self.slow_quits = 0  # So many of the next graceful stops are ignored by the controllee.
        self.paused: list[Process] = []  # Stopped by SIGSTOP, until `resume`.
        self._pids = 100

    @property
    def role(self) -> Role | None:
        return self.daemon.state.role if self.daemon else None

    @property
    def tree(self) -> "Init | None":
        return next((tree for tree in self.trees if tree.running), None)

    @property
    def is_frozen(self) -> bool:
        """Its daemon lives and is stopped."""
        return self.daemon is not None and self.daemon.stopped

    def next_pid(self) -> int:
        self._pids += 1
        return self._pids

    def quit_length(self) -> int:
        """What the controllee takes to end after SIGTERM."""
        if self.slow_quits:
            self.slow_quits -= 1
            return 1 << 30
        return self.world.dice.randint(*self.world.faults.quit_ms)

    # -- power and service -----------------------------------------------------------------------

    def power_on(self) -> None:
        if self.up:
            return
        dice, drift = self.world.dice, self.world.faults.drift_ppm
        self.up = True
        self.boot += 1
        self.clock = BootClock(
            self.world.now, dice.randint(2_000, 60_000), dice.randint(-drift, drift)
        )
        self.world.say(self.name, "boots")
        self._unit_starts(self.lives)
        self.replication.power_on()

    def power_off(self) -> None:
        if not self.up:
            return
        self.suffers("loses power")
        self.up = False
        self.paused.clear()
        self.stuck_until = 0
        for tree in list(self.trees):
            tree.power_lost()
        self._end_processes()
        self.replication.power_off()

    def start_service(self) -> None:
        """`systemctl start`."""
        if self.up and self.supervisor is None:
            self._unit_starts(self.lives)

    def _unit_starts(self, lives: int) -> None:
        """The service manager starts a supervisor, unless somebody has since."""
        if self.up and self.supervisor is None and self.lives == lives:
            self.lives += 1
            self.supervisor = Supervisor(self)

    def _end_processes(self) -> None:
        supervisor, daemon = self.supervisor, self.daemon
        self.supervisor = self.daemon = None
        if supervisor is not None:
            supervisor.end()
        if daemon is not None:
            daemon.end()
            self.replication.had_gone(daemon)
            self.world.network.hang_up(daemon)
        self.world.referees.topology_changed()

    def daemon_quits(self, code: int) -> None:
        """A clean end: the supervisor passes the exit code on, and the service is stopped."""
        self.world.say(self.name, f"its daemon exits {code}")
        supervisor = self.supervisor
        self._end_processes()
        self._parent_death(supervisor)

    def _parent_death(self, supervisor: Supervisor | None) -> None:
        if supervisor is not None:
            supervisor.init.kill("its supervisor is gone")

    # -- signals ---------------------------------------------------------------------------------

    def kill_daemon(self) -> None:
        daemon, supervisor = self.daemon, self.supervisor
        if daemon is None or supervisor is None:
            return
        self.suffers("its daemon is killed")
        self.daemon = None
        daemon.end()
        self.replication.had_gone(daemon)
        self.world.network.hang_up(daemon)
        self.world.referees.topology_changed()
        supervisor.later(self.world.dice.randint(*EOF_MS), supervisor.daemon_gone, daemon)

    def kill_supervisor(self) -> None:
        """Its init dies with it; its daemon sees the end of the socket; the unit starts anew."""
        supervisor = self.supervisor
        if supervisor is None:
            return
        self.suffers("its supervisor is killed")
        supervisor.end()
        self._parent_death(supervisor)
        world = self.world
        world.at(world.now + world.dice.randint(*EOF_MS), self._orphan_ends, supervisor)

    def _orphan_ends(self, supervisor: Supervisor) -> None:
        if self.supervisor is not supervisor:
            return
        self._end_processes()
        world = self.world
        world.at(
            world.now + world.dice.randint(*world.faults.unit_ms), self._unit_starts, self.lives
        )

    def kill_init(self) -> None:
        if self.tree is not None:
            self.suffers("its init is killed")
            self.tree.kill("its init was killed")

    def controllee_exits(self) -> None:
        tree = self.tree
        if tree is not None:
            self.suffers("its controllee exits")
            tree.exits("it exited")

    def controllee_hangs(self) -> None:
        tree = self.tree
        if tree is not None:
            self.suffers("its controllee hangs")
            tree.hung = True

    def pause(self, what: tuple[str, ...], length_ms: int) -> None:
        """SIGSTOP for daemon, supervisor or init; `length_ms` is for the ledger of causes."""
        processes = {"daemon": self.daemon, "supervisor": self.supervisor, "init": self.tree}
        chosen = [(name, processes[name]) for name in what]
        for name, process in chosen:
            if process is not None:
                process.sigstop()
                self.paused.append(process)
                self.world.say(self.name, f"its {name} is stopped by SIGSTOP")
        self.world.referees.partings.note()
        if self.paused and length_ms > self._harmless_ms(what):
            self.world.referees.causes.happened_to(self.name, "is paused", length_ms)

    def _harmless_ms(self, what: tuple[str, ...]) -> int:
        """A pause shorter than this moves nothing: neither deadline nor client's rule notices."""
        rules = self.rules
        if what == ("daemon",):
            return rules.lease_ms - rules.margin_ms - 2 * rules.heartbeat_ms - 2 * JITTER_BORNE_MS
        return max(rules.margin_ms // 2, rules.lease_ms // 4) - 2 * JITTER_BORNE_MS

    def resume(self) -> None:
        """SIGCONT for all that `pause` stopped."""
        paused, self.paused = self.paused, []
        for process in paused:
            if process.alive:
                self.world.say(self.name, "goes on after SIGCONT")
                process.sigcont()
        self.world.referees.partings.note()

    def wipe(self) -> None:
        self.world.say(self.name, "its state directory is emptied")
        self.world.referees.wiped = True
        self.disk.wipe()
        self.replication.wipe()

    def unstick(self) -> None:
        """The kernel lets go of what hung in it: a SIGKILL that waited takes effect."""
        self.stuck_until = 0
        for tree in list(self.trees):
            tree.hung = False
            if tree.killed:
                self.world.at(self.world.now + 1, tree.vanish)

    def suffers(self, what: str) -> None:
        self.world.referees.causes.happened_to(self.name, what)
        self.world.say(self.name, what)

    def command(self, command: Command) -> None:
        daemon = self.daemon
        if daemon is not None:
            self.world.say(self.name, f"command: {asked(command)}")
            if not isinstance(command, Shutdown):
                self.world.referees.causes.note("an operator's command", STOP_TIMEOUT_MS)
            else:
                self.world.referees.causes.happened_to(self.name, "is stopped", STOP_TIMEOUT_MS)
            daemon.run(daemon.feed, command)

    def reload(self, rules: Rules, because: str) -> None:
        """SIGHUP with another configuration: for its daemon now, and for every later one."""
        self.world.say(self.name, f"reloads: {because}")
        self.rules = rules
        self.widest_margin_ms = max(self.widest_margin_ms, rules.margin_ms)
        self.world.referees.rules_changed(rules)
        if self.daemon is not None:
            self.daemon.run(self.daemon.feed, Reloaded(rules, f"reload: {because}"))

    def drift(self, drift_ppm: int) -> None:
        """The clock's rate changes; who waits for an instant on it looks again."""
        self.clock.drift(self.world.now, drift_ppm)
        if self.daemon is not None:
            self.daemon.arm()
        for tree in self.trees:
            if tree.started:
                tree.hold(tree.deadline)
