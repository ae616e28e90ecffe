"""The referees: they see everything at once, as nobody in the pool can, and judge by the design.

Safety is judged at every change of a tree, a role or a disk:
1. Mode majority: never two trees at one instant, whatever machine or life they are of. A tree in
   state D that has had its SIGKILL no longer counts (design section 3, release by time).
2. Mode none: two trees only while their machines are parted, and `resolve_ms` longer; if only
   their own link is cut and others hear both, `resolve_ms` in all (partings.py).
3. Never two leaderships of one term; a term's remainder names its leader; no vote given twice.
4. Mode majority: fencing tokens never go backwards (unless a state directory was wiped).
5. Never a tree without authority: it runs for a term that won, and not beyond its deadline.
6. A secret is revealed, and a direct Resign said, only when nothing is left of that tree.
Stability: after `settle`, no leader changes and no tree ends unless the ledger names a cause.
"""

from itertools import combinations
from typing import TYPE_CHECKING, NoReturn

from hadelect.core.effects import Record
from hadelect.core.messages import Proof
from hadelect.core.state import State
from hadelect.core.vocabulary import TERM_STRIDE, Arbitration, Name, Role, Rules, Term
from hadelect.sim.bounds import bound_ms, resolve_ms
from hadelect.sim.causes import Causes
from hadelect.sim.partings import Partings

if TYPE_CHECKING:
    from hadelect.sim.daemon import Daemon
    from hadelect.sim.init import Init
    from hadelect.sim.world import World

KILL_SLACK_MS = 10  # Kill and the init's look at its clock take some milliseconds.
LOOK_MS = 250
LOSSY_LEASE_MS = 3000  # A shorter lease need not bear losses.


class BrokenPromise(Exception):
    """The pool did what it must never do."""


class Referees:
    def __init__(self, world: "World", pool: tuple[Rules, ...]) -> None:
        self.world = world
        self.slowest = rules = max(pool, key=_slowness)  # Of all that ever ran: it sets the bounds.
        self.majority = rules.identity.arbitration is Arbitration.MAJORITY
        self.needed = rules.majority
        self.causes = Causes(world, bound_ms(rules, world.faults))
        self.running: list[Init] = []  # Trees that count.
        self.wiped = False  # A state directory was lost: tokens may go backwards.
        self.settled = False  # From now on stability is judged.
        self._shortest_lease_ms = min(each.lease_ms for each in pool)
        self._resolve_ms = resolve_ms(rules, world.faults)
        self._led: dict[Term, Name] = {}
        self._votes: dict[Term, dict[Name, Name]] = {}
        self._token = Term(0)
        self.partings = Partings(world)
        self._looks_at = -1

    def rules_changed(self, rules: Rules) -> None:
        """A member goes by another timing from now on; what the old one promised may still hold."""
        self.slowest = max(self.slowest, rules, key=_slowness)
        faults = self.world.faults
        self.causes.window_ms = max(self.causes.window_ms, bound_ms(self.slowest, faults))
        self._resolve_ms = max(self._resolve_ms, resolve_ms(self.slowest, faults))
        self._shortest_lease_ms = min(self._shortest_lease_ms, rules.lease_ms)

    def broken(self, what: str) -> NoReturn:
        self.world.say("", f"BROKEN: {what}")
        raise BrokenPromise(what)

    # -- trees -----------------------------------------------------------------------------------

    def tree_started(self, init: "Init") -> None:
        self.running.append(init)
        self.world.counters["controllees started"] += 1
        if len(self.running) > 1:
            self._two()
        self._check_token(init)
        self._check_won(init)
        if init.machine.clock.read(self.world.now) >= init.latest_asked:
            self.broken(f"{init.name} starts term {init.term} after its deadline")
        if len(self.running) > 1:  # Else the end of the one before has been judged.
            self._unmoved(f"the controllee moves to {init.name}, term {init.term}")
        self._keep_looking()

    def retitled(self, init: "Init") -> None:
        self._check_token(init)

    def tree_killed(self, init: "Init") -> None:
        """SIGKILL was sent; a tree that hangs in the kernel counts no longer."""
        if init.machine.stuck_until > self.world.now:
            self._ended(init)

    def tree_gone(self, init: "Init") -> None:
        if init in self.running:
            self._check_deadline(init)
            self._ended(init)

    def _ended(self, init: "Init") -> None:
        self.running.remove(init)
        self._unmoved(f"the controllee of {init.name}, term {init.term}, ends: {init.ended_by}")

    def _check_token(self, init: "Init") -> None:
        if not self.majority or self.wiped:
            return
        if init.term < self._token:
            self.broken(f"fencing token {init.term} after {self._token}")
        self._token = init.term

    def _check_won(self, init: "Init") -> None:
        """That member led this term, and (majority) the votes for it are on enough disks."""
        if self._led.get(init.term) != init.name:
            self.broken(f"{init.name} starts term {init.term}, which it never led")
        if self.majority and not self.wiped:
            voters = [n for n, to in self._votes.get(init.term, {}).items() if to == init.name]
            if len(voters) < self.needed:
                self.broken(f"term {init.term} runs with the votes of {voters} only")

    def _check_deadline(self, init: "Init") -> None:
        """Authority lasts a margin longer than the latest deadline asked for."""
        now = self.world.now
        just_went_on = now - init.went_on_at <= KILL_SLACK_MS
        frozen = init.stopped or (init.went_on_at >= 0 and just_went_on)
        allowed = init.latest_asked + (init.machine.widest_margin_ms if frozen else KILL_SLACK_MS)
        if init.machine.clock.read(now) > allowed:
            self.broken(f"the tree of {init.name}, term {init.term}, outlives its authority")

    def _two(self) -> None:
        """Two trees at this instant."""
        if self.majority:
            who = ", ".join(f"{tree.name} (term {tree.term})" for tree in self.running)
            self.broken(f"two controllees run: {who}")
        self.world.counters["overlaps while parted"] += 1
        self._check_overlap()

    def _check_overlap(self) -> None:
        for one, other in combinations(self.running, 2):
            if one.name == other.name:
                self.broken(f"two controllees run on {one.name}")
            until = self.partings.excused_until(one, other)
            late = until is not None and self.world.now > until + self._resolve_ms
            if late and not self.world.faults.harsh:
                self.broken(
                    f"{one.name} and {other.name} both run a controllee although they could talk"
                )

    def topology_changed(self) -> None:
        self.partings.note()
        self.causes.network_changed()

    # -- roles, votes, secrets -------------------------------------------------------------------

    def role_changed(self, daemon: "Daemon", before: State) -> None:
        state = daemon.state
        if state.role is Role.LEADER:
            first = self._led.setdefault(state.term, daemon.name)
            if first != daemon.name:
                self.broken(f"term {state.term} is led by {first} and {daemon.name}")
            if state.term % TERM_STRIDE != daemon.rules.position(daemon.name):
                self.broken(f"term {state.term} is not one of {daemon.name}'s")
        elif before.role is Role.LEADER:
            self._unmoved(f"{daemon.name} leaves term {before.term}")

    def persisted(self, name: Name, record: Record) -> None:
        if record.vote is None:
            return
        votes = self._votes.setdefault(record.term, {})
        if votes.setdefault(name, record.vote) != record.vote and not self.wiped:
            self.broken(f"{name} votes for {votes[name]} and {record.vote} in term {record.term}")

    def secret_revealed(self, proof: Proof) -> None:
        """By a death notice, by the answer to a stop, or by a leader's own word (no secret)."""
        for tree in self.world.machines[proof.leader].trees:
            forced = tree.killed and not proof.secret  # The operator answers for it.
            if tree.running and tree.term == proof.term and not forced:
                self.broken(f"{proof.leader} says that term {proof.term} is over, its tree lives")

    # -- looking now and then --------------------------------------------------------------------

    def settle(self) -> None:
        """The pool has had time to find its leader: from now on every change needs a cause."""
        self.settled = True

    def _unmoved(self, what: str) -> None:
        lossy = self.world.faults.loss and self._shortest_lease_ms < LOSSY_LEASE_MS
        if not self.settled or lossy or self.world.faults.harsh:
            return
        if not self.causes.recent():
            self.broken(f"without a cause: {what}")

    def _keep_looking(self) -> None:
        if self._looks_at <= self.world.now:
            self._looks_at = self.world.now + LOOK_MS
            self.world.at(self._looks_at, self._look_again)

    def _look_again(self) -> None:
        self.look()
        if self.running:
            self._keep_looking()

    def look(self) -> None:
        """What no single change shows: trees that outlive their authority, lasting overlaps."""
        for tree in self.running:
            machine = tree.machine
            if machine.clock.read(self.world.now) > tree.latest_asked + machine.widest_margin_ms:
                self._check_deadline(tree)
        if len(self.running) > 1:
            self._check_overlap()


def _slowness(rules: Rules) -> int:
    return rules.lease_ms
