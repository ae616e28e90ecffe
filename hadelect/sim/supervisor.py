"""The pretended supervisor: design section 4 without Linux.

Law 1: it obeys only a daemon that lives; when the daemon is gone it kills the tree, waits until
       nothing is left, announces the death to every peer (three times), and starts a daemon.
Law 2: a term that was announced or stopped on request is released: it never starts again.
Law 3: a secret leaves it only when nothing is left of the tree of its leadership.
"""

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from hadelect.core.events import ControlleeChanged, LeftoverStuck, SupervisorReady
from hadelect.core.messages import Proof
from hadelect.core.vocabulary import NO_TERM, ControlleeState, Millis, Term
from hadelect.sim.daemon import Daemon
from hadelect.sim.errands import Errands
from hadelect.sim.init import Init
from hadelect.sim.process import Process

if TYPE_CHECKING:
    from hadelect.sim.machine import Machine

STOPPED = ControlleeState.STOPPED
SINCE = "2026-01-01T00:00:00Z"
NOTICES_MS = (0, 5, 20)
STOP_TIMEOUT_MS = 10_000  # From SIGTERM to SIGKILL.
STOP_FAILED_MS = 500  # From SIGKILL to "it cannot be killed".
BACKOFF_MS = 100  # The first restart of a daemon; doubles up to …
BACKOFF_MAX_MS = 5_000
LOCK_LIMIT_MS, LOCK_LOOK_MS = 2_000, 5
STEADY_MS = 10_000  # A daemon that lived this long starts the backoff afresh.


def hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


class Supervisor(Process):
    """One life of a member's `hadelect had`."""

    def __init__(self, machine: "Machine") -> None:
        super().__init__(machine.world)
        self.machine = machine
        self.name = machine.name
        self.daemon: Daemon | None = None
        self.init = self._warm()
        self.errands = Errands(self)
        self.term: Term = NO_TERM  # Of the leadership that started here and is not released.
        self.released: Term = NO_TERM
        self._waits_for_lock: dict[int, int] = {}  # Pid of an init -> since when.
        self._secret = ""
        self._last_secret = ""
        self._serial = 0
        self._stopping = False  # An asked stop is under way.
        self._daemon_since = 0
        self._restarting = False
        self._restarts = 0
        self._new_secret()
        self.later(self.world.dice.randint(*self.world.faults.start_ms), self._daemon_up)

    # -- the daemon ------------------------------------------------------------------------------

    def _daemon_up(self) -> None:
        self._restarting = False
        self._daemon_since = self.world.now
        self.daemon = Daemon(self.machine, self)
        self.machine.daemon = self.daemon
        self.daemon.boot()
        self._make_ready(self.daemon)

    def _make_ready(self, daemon: Daemon) -> None:
        """Nothing of an earlier life may run when the daemon is told `ready`."""
        if daemon is not self.daemon:
            return
        left = [tree for tree in self.machine.trees if tree.started]
        for tree in left:
            tree.kill("it is of an earlier life")
        if left:
            daemon.told(LeftoverStuck("NEGOTIATOR of an earlier life cannot be killed"))
            left[0].when_gone.append(lambda: self.later(1, self._make_ready, daemon))
        else:
            daemon.told(SupervisorReady(hash_of(self._secret)))

    def daemon_gone(self, daemon: Daemon) -> None:
        """Its end of the socket closed."""
        if daemon is not self.daemon:
            return
        self.daemon = None
        if self.init.running:
            self.init.kill("its daemon is gone")
            self.later(STOP_FAILED_MS, self._restart_beside, self.init)
        else:
            self._announce_and_restart()

    def _restart_beside(self, tree: Init) -> None:
        """A tree that cannot be killed must not keep the member silent: no notice, but a daemon."""
        if tree is self.init and not tree.gone and self.daemon is None:
            self._restart_daemon()

    def _announce_and_restart(self) -> None:
        if self.term:
            self._announce()
        if self.daemon is None:
            self._restart_daemon()

    def _announce(self) -> None:
        proof = Proof(self.term, self.name, self._release(self.term))
        self.world.referees.secret_revealed(proof)
        self.world.counters["notices"] += 1
        for delay in NOTICES_MS:
            self.later(delay, self._notify, proof)

    def _notify(self, proof: Proof) -> None:
        for peer in self.machine.rules.peers:
            self.world.network.notify(self.name, peer, proof)

    def _restart_daemon(self) -> None:
        if self._restarting:
            return
        self._restarting = True
        if self.world.now - self._daemon_since > STEADY_MS:
            self._restarts = 0
        backoff = min(BACKOFF_MS << self._restarts, BACKOFF_MAX_MS)
        self._restarts += 1
        start = self.world.dice.randint(*self.world.faults.start_ms)
        self.later(backoff + start, self._daemon_up)

    # -- what the daemon asks for ----------------------------------------------------------------

    def start(self, term: Term, deadline: Millis) -> None:
        if term <= self.released:
            self._tell_over(term, "this term is over")
            return
        if self.machine.treeless:
            self._tell_ended(term, "there is no init to start it")
            return
        self.term = term
        self._stopping = False
        late = self.machine.clock.read(self.world.now) >= deadline
        if late or self.init.killed or self.init.gone or self.init.started:
            self._tell_ended(term, "too late to start it" if late else "the init is gone")
            return
        init, exec_ms = self.init, self.world.faults.exec_ms
        init.term, init.owner, init.latest_asked = term, self.daemon, deadline
        init.later(self.world.dice.randint(*exec_ms), self._exec, init, deadline)

    def _exec(self, init: Init, deadline: Millis) -> None:
        if init.term <= self.released:
            return
        if self.machine.replication.switching:
            self._await_switch(init, deadline)
            return
        if self.machine.clock.read(self.world.now) >= max(deadline, init.deadline):
            self._tell_ended(init.term, "too late to start it")
            return
        if self.machine.exec_failures:
            self.machine.exec_failures -= 1
            self.machine.suffers("NEGOTIATOR cannot be executed")
            self._tell(
                ControlleeChanged(init.term, STOPPED, because="exec failed", exec_failed=True)
            )
            return
        self.errands.started()
        init.start(init.term, max(deadline, init.deadline))
        runs = ControlleeChanged(init.term, ControlleeState.RUNNING, pid=init.pid, since=SINCE)
        self._tell(runs)

    def _await_switch(self, init: Init, deadline: Millis) -> None:
        """The state files are being switched: a start waits for the lock, a little."""
        since = self._waits_for_lock.setdefault(init.pid, self.world.now)
        if self.world.now - since > LOCK_LIMIT_MS:
            self._tell_ended(init.term, "the state files are being switched")
        else:
            init.later(LOCK_LOOK_MS, self._exec, init, deadline)

    def extend(self, daemon: Daemon, number: int, deadline: Millis) -> None:
        init = self.init
        if not init.term or init.killed:  # Nothing is to be held: that is an answer, too.
            daemon.acknowledge(number)
            return
        init.latest_asked = max(init.latest_asked, deadline)
        init.later(init.pipe.delay(), self._extended, init, daemon, number, deadline)

    def _extended(self, init: Init, daemon: Daemon, number: int, deadline: Millis) -> None:
        init.hold(deadline)
        self.later(init.answers.delay(), daemon.acknowledge, number)

    def stop(self, term: Term, *, kill: bool) -> None:
        if not self.init.running:
            self._stopped(term)
            return
        self._stopping = True
        init = self.init
        if kill:
            self._kill(init)
            return
        self._tell(ControlleeChanged(term, ControlleeState.STOPPING, because="asked to stop"))
        self._signal(init)

    def end_tree(self, term: Term) -> None:
        """Its leadership goes on."""
        if self.init.running and self.init.term == term:
            self._signal(self.init)

    def _signal(self, init: Init) -> None:
        """Graceful, then SIGKILL."""
        quit_ms = self.machine.quit_length()
        if quit_ms < STOP_TIMEOUT_MS and not init.hung:
            init.later(quit_ms, init.exits, "asked to stop")
        self.later(STOP_TIMEOUT_MS, self._kill, init)

    def _kill(self, init: Init) -> None:
        if not init.killed and not init.gone:
            init.kill("asked to stop")

    def tree_hangs(self, init: Init) -> None:
        """It had its SIGKILL, whoever sent it, and hangs in the kernel: say so after a while."""
        self.later(STOP_FAILED_MS, self._stop_failed, init)

    def _stop_failed(self, init: Init) -> None:
        if not init.gone and init is self.init:
            self.world.counters["stop failed"] += 1
            why = "it does not die"
            self._tell(ControlleeChanged(init.term, ControlleeState.STOP_FAILED, because=why))

    def retitle(self, term: Term, to: Term) -> None:
        if self.term == term and term > self.released:
            self.term = to
            self.init.term = to
            if self.init.running:
                self.world.referees.retitled(self.init)

    # -- what becomes of the tree ----------------------------------------------------------------

    def _tree_gone(self, init: Init) -> None:
        """Its pidfd has ended: nothing is left."""
        self.init = self._warm()
        if not init.term:
            return
        if self.daemon is None or init.owner is not self.daemon:
            self._announce_and_restart()
        elif self._stopping:
            self._stopped(init.term)
        elif init.term > self.released:
            self._tell_ended(init.term, init.ended_by)
        if self.machine.treeless and self.daemon is not None:
            self.daemon.told(LeftoverStuck("tree.json: Read-only file system"))

    def _warm(self) -> Init:
        """Forked ahead of need."""
        init = Init(self)
        self.machine.trees.append(init)
        init.when_gone.append(lambda: self.run(self._tree_gone, init))
        return init

    def _stopped(self, term: Term) -> None:
        self._stopping = False
        if term <= self.released:
            self._tell_over(term, "stopped before")
            return
        secret = self._release(term)
        self.world.referees.secret_revealed(Proof(term, self.name, secret))
        self._tell_over(term, "asked to stop")

    def _release(self, term: Term) -> str:
        """This leadership never starts again: its secret may be known."""
        self.released = max(term, self.released)
        self.term = NO_TERM
        self._last_secret = self._secret
        self._new_secret()
        return self._last_secret

    def _new_secret(self) -> None:
        self._serial += 1
        words = f"{self.world.seed} {self.name} {self.machine.lives} {self._serial}"
        self._secret = hashlib.sha256(words.encode()).hexdigest()

    def _tell_over(self, term: Term, because: str) -> None:
        """An asked stop is done: that leadership never starts again, its secret may be known."""
        over = ControlleeChanged(term, STOPPED, because=because, asked=True)
        hashes = replace(over, secret=self._last_secret, next_secret_hash=hash_of(self._secret))
        self._tell(hashes)

    def _tell_ended(self, term: Term, because: str) -> None:
        self._tell(ControlleeChanged(term, STOPPED, because=because))

    def _tell(self, changed: ControlleeChanged) -> None:
        if self.daemon is not None:
            self.daemon.told(changed)
