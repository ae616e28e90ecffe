"""One life of a daemon: the real core, and the hands that carry out what it asks for.

Law 1: the core sees its machine's clock and what its process reads, nothing else.
Law 2 (the client's rule of design section 4): a start or extend without an acknowledgement for
       max(margin/2, lease/4), or a tree that is there 50 ms after its deadline, means that
       supervisor or init is frozen: the daemon kills the init by its pidfd, waits until it has
       ended, and reports the tree as stopped; unless the supervisor has said so meanwhile.
"""

from typing import TYPE_CHECKING

from hadelect.core import render
from hadelect.core.effects import (
    Answer,
    Cancel,
    Emit,
    End,
    Extend,
    Persist,
    Quit,
    Retitle,
    Run,
    Send,
    SendDatagram,
    Start,
    Stop,
)
from hadelect.core.events import (
    ControlleeChanged,
    Event,
    LeftoverStuck,
    PeerRefused,
    Persisted,
    PersistFailed,
    Reloaded,
    SupervisorReady,
    Tick,
)
from hadelect.core.hands import carry_out
from hadelect.core.messages import Hello, PreVoteReply, Refused, Resign
from hadelect.core.state import State
from hadelect.core.vocabulary import (
    OF_STATE,
    ControlleeState,
    Errand,
    Millis,
    Term,
)
from hadelect.sim.counting import count_change, count_start
from hadelect.sim.process import Pipe, Process

if TYPE_CHECKING:
    from collections.abc import Callable

    from hadelect.sim.init import Init
    from hadelect.sim.machine import Machine
    from hadelect.sim.supervisor import Supervisor

NEVER = 1 << 62
SLACK_MS = 50  # The init kills at the deadline; we look a little later.
RESTLESS = 1000  # Ticks in one instant: the core asks to be woken for ever.


class Daemon(Process):
    """Implements `core.hands.Hands`."""

    def __init__(self, machine: "Machine", supervisor: "Supervisor") -> None:
        super().__init__(machine.world)
        self.machine = machine
        self.name = machine.name
        self.rules = machine.rules
        self.supervisor = supervisor
        self.state: State
        self._step = self.world.core.step
        self._wake_at = self.world.core.wake_at
        self._due = Millis(0)  # When the core wants its next Tick, on its own clock.
        self._rings_at = NEVER  # True time of the earliest pending ring.
        self._rung = (0, 0)  # True time, number of ticks in that instant.
        self._to_supervisor = Pipe(self.world)
        self._from_supervisor = Pipe(self.world)
        self._init: Init | None = None
        self._asked = 0  # Numbers starts and extends …
        self._acked = 0  # … and the newest acknowledged one.
        self._deadline = Millis(0)  # The latest that we asked for.
        self._guards = False  # Somebody looks whether the tree ends with its deadline.
        self._follows_steps = False  # Its replication is to be told of every step.
        self._killed: tuple[Term, ...] = ()  # What the leadership was called whose init we killed …
        self._ending: Init | None = None  # … and that init, until somebody has verified its end.

    # -- events in -------------------------------------------------------------------------------

    def boot(self) -> None:
        found, same_boot = self.machine.disk.found()
        decision = self.world.core.boot(self.rules, found, same_boot, self.now())
        self.state = decision.state
        count_start(self.world.counters, self.state, found, same_boot=same_boot)
        carry_out(decision.effects, self)
        self.world.network.dial_all(self.name)
        self.machine.replication.connect(self)
        self._follows_steps = self.machine.replication.follows_steps
        self.world.referees.topology_changed()
        self.arm()

    def feed(self, event: Event) -> None:
        """One step of the core."""
        world = self.world
        before = self.state
        decision = self._step(self.rules, before, event, self.now())
        state = self.state = decision.state
        if type(event) is Reloaded:
            self.rules = event.rules
        world.steps += 1
        if decision.effects:
            carry_out(decision.effects, self)
        if state.role is not before.role or state.term != before.term:
            world.referees.role_changed(self, before)
        if self._follows_steps:
            self.machine.replication.stepped(self)
        if state.fitness is not before.fitness and before.fitness.until and not state.fitness.until:
            self._fit_again()
        if self.alive:
            self.arm()

    def _fit_again(self) -> None:
        """Its cooldown is over: a primary asks for its place now."""
        if self.rules.primary == self.name:
            self.world.referees.causes.note(f"{self.name} is fit again")

    def now(self) -> Millis:
        return self.machine.clock.read(self.world.now)

    def arm(self) -> None:
        """Ring when the core wants to be woken (later on a busy machine)."""
        due = self._wake_at(self.rules, self.state)
        if self._rings_at != NEVER and due >= self._due:
            self._due = due  # The ring that is on its way looks again.
            return
        self._due = due
        world = self.world
        low, high = world.faults.tick_late_ms
        late = world.dice.randint(low, high) if high else 0
        self._rings_at = max(self.machine.clock.when(due), world.now) + late
        world.at(self._rings_at, self.run, self._ring, self._rings_at)

    def _ring(self, at: int) -> None:
        if at != self._rings_at:
            return
        self._rings_at = NEVER
        if self.now() < self._due:
            self.arm()
            return
        instant, count = self._rung
        self._rung = (self.world.now, count + 1 if instant == self.world.now else 1)
        if count > RESTLESS:
            self.world.referees.broken(f"{self.name} asks to be woken for ever at {self._due}")
        self.feed(Tick(self._due))

    def told(self, event: Event) -> None:
        """The supervisor says something; it arrives in order."""
        self.later(self._from_supervisor.delay(), self._heard, event)

    def _heard(self, event: Event) -> None:
        if isinstance(event, ControlleeChanged):
            self._acked = self._asked if event.state is ControlleeState.RUNNING else self._acked
            if event.state is ControlleeState.STOP_FAILED and event.term in self._killed:
                return  # Said before its end was verified, read after it.
            if event.state is ControlleeState.STOPPED:
                self._init = None
                if event.term in self._killed:
                    self._heard_of_killed(event)
                    return
        self.feed(event)

    def _heard_of_killed(self, over: ControlleeChanged) -> None:
        """The supervisor answers our stop; once we have told the core, only the hash is news."""
        if over.next_secret_hash:
            doubted, self._ending = self._ending is None, None
            self.feed(SupervisorReady(over.next_secret_hash) if doubted else over)

    def hello(self) -> Hello:
        return Hello(self.rules.identity, "sim", f"{self.name}/{self.machine.lives}")

    def refuse(self, stranger: "Daemon") -> None:
        """The wire compared identities: this one must not take part."""
        because = render.difference(self.rules.identity, stranger.rules.identity)
        self.run(self.feed, PeerRefused(stranger.name, because))

    # -- the supervisor's client -----------------------------------------------------------------

    def _command(self, work: "Callable[[], None]") -> None:
        """Through the socket to the supervisor, which obeys only a daemon that lives."""
        delay = self._to_supervisor.delay()
        self.supervisor.later(delay, lambda: work() if self.alive else None)

    def _expect_answer(self, deadline: Millis) -> int:
        self._asked += 1
        self._deadline = max(self._deadline, deadline)
        self._guard()
        patience = max(self.rules.margin_ms // 2, self.rules.lease_ms // 4)
        self.later(patience, self._unanswered, self._asked)
        return self._asked

    def acknowledge(self, number: int) -> None:
        """The init holds the deadline of that extend."""
        self.later(self._from_supervisor.delay(), self._acknowledged, number)

    def _acknowledged(self, number: int) -> None:
        self._acked = max(self._acked, number)

    def _unanswered(self, number: int) -> None:
        """Read first what waits, then judge."""
        self.later(1, self._judge, number)

    def _judge(self, number: int) -> None:
        if self._acked < number and self._init is not None:
            self._kill_init(self._init)

    def _guard(self) -> None:
        """Look soon after the deadline whether the init has kept it."""
        if not self._guards and self._init is not None:
            self._guards = True
            at = self.machine.clock.when(self._deadline + SLACK_MS)
            self.world.at(max(at, self.world.now), self.run, self._look_at_deadline)

    def _look_at_deadline(self) -> None:
        """Read first what waits, then judge."""
        self.later(1, self._judge_deadline)

    def _judge_deadline(self) -> None:
        self._guards = False
        if self._init is not None and self.now() - self._deadline > SLACK_MS:
            self._kill_init(self._init)
        else:
            self._guard()

    def _kill_init(self, init: "Init") -> None:
        self._init = None
        if not init.term:  # Our start has not reached it.
            init.term, init.owner = self.state.term, self
        term = init.term
        self._killed, self._ending = (term,), init
        self.world.counters["inits killed by the daemon"] += 1
        self._command(lambda: self.supervisor.stop(term, kill=True))
        if init.gone:
            self._verified(init)
        else:
            init.when_gone.append(lambda: self.run(self._verified, init))
            init.kill("supervisor or init does not answer")

    def _verified(self, init: "Init") -> None:
        if self._ending is not init:
            return  # The supervisor has said so.
        self._ending = None
        why, term = "supervisor or init did not answer; its tree is verified dead", self._killed[-1]
        self.feed(ControlleeChanged(term, ControlleeState.STOPPED, because=why, asked=True))
        self.feed(LeftoverStuck("the supervisor does not answer"))

    # -- effects out -----------------------------------------------------------------------------

    def send(self, effect: Send) -> None:
        if self.world.verbose:
            self.world.whisper(self.name, render.line(effect))
        message = effect.message
        if type(message) is Resign:
            self.world.referees.secret_revealed(message.proof)
        elif isinstance(message, (PreVoteReply, Refused)) and message.refusal:
            self.world.counters[f"refused: {message.refusal.value}"] += 1
        self.world.network.send(self.name, effect.to, message)

    def send_datagram(self, effect: SendDatagram) -> None:
        self.world.network.send_datagram(self.name, effect.to, effect.message)

    def persist(self, effect: Persist) -> None:
        self.machine.disk.write(self, effect)

    def written(self, effect: Persist, failure: str) -> None:
        """The disk answers."""
        if failure:
            self.world.counters["writes that failed"] += 1
            self.feed(PersistFailed(effect.record.serial, failure))
            return
        carry_out(effect.then, self)
        self.feed(Persisted(effect.record.serial))

    def start(self, effect: Start) -> None:
        self._init = self.supervisor.init
        self._expect_answer(effect.deadline)
        demands = Errand.PRE_START in self.rules.errands
        self._command(lambda: self.supervisor.errands.demand(demands))
        self._command(lambda: self.supervisor.start(effect.term, effect.deadline))

    def extend(self, effect: Extend) -> None:
        number = self._expect_answer(effect.deadline)
        self._command(lambda: self.supervisor.extend(self, number, effect.deadline))

    def stop(self, effect: Stop) -> None:
        verb = "kills" if effect.kill else "stops"
        self.world.say(self.name, f"{verb} NEGOTIATOR of term {effect.term}")
        self._command(lambda: self.supervisor.stop(effect.term, kill=effect.kill))

    def retitle(self, effect: Retitle) -> None:
        self.world.counters["terms taken without touching the controllee"] += 1
        self.world.say(self.name, f"NEGOTIATOR of term {effect.term} goes on as {effect.to}")
        if effect.term in self._killed:
            self._killed += (effect.to,)
        self._command(lambda: self.supervisor.retitle(effect.term, effect.to))

    def end_tree(self, effect: End) -> None:
        self.world.say(self.name, f"ends NEGOTIATOR of term {effect.term}: {effect.because}")
        self._command(lambda: self.supervisor.end_tree(effect.term))

    def run_errand(self, effect: Run) -> None:
        if effect.errand in OF_STATE:
            self.machine.replication.run(self, effect)
        elif effect.errand in self.rules.errands:
            self._command(lambda: self.supervisor.errands.run(self, effect))
        else:
            self._command(lambda: self.supervisor.errands.nothing_to_do(self, effect))

    def cancel(self, effect: Cancel) -> None:
        self.machine.replication.cancel(effect.id)
        self._command(lambda: self.supervisor.errands.cancel(self, effect.id))

    def emit(self, effect: Emit) -> None:
        if effect.cause is not None:
            count_change(self.world.counters, effect, effect.cause)
        self.world.say(self.name, render.change(effect))

    def answer(self, effect: Answer) -> None:
        verdict = "yes" if effect.ok else "refused"
        self.world.say(self.name, f"answers command {effect.id}: {verdict}: {effect.text}")

    def quit(self, effect: Quit) -> None:
        self.machine.daemon_quits(effect.code)
