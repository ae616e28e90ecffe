"""How long the design's rules may take, worst case, in milliseconds of true time.

`bound_ms`: from the moment when everything is whole again (all machines up, all processes running,
no cut, a kind network) to exactly one leader with a running controllee whom all follow:

    start      supervisor and daemon exec, the restart backoff of a daemon that kept crashing
  + mute       the longest promise that a member without memory may have given (lease + 1 %)
  + promise    voters keep the silence that they promised to a candidate that did not win
  + patience   lease, extended by at most one lease for the member's own stalls
  + probe      three datagrams, 50 ms apart
  + turns      the k-th survivor waits k x 150 ms
  + rounds     an objection or a silent voter costs a round of 500 ms, an even split another one
  + errands    three hooks that hang, the wait after a fence command that failed
  + dead tree  the old controllee dies with its deadline, at the latest a lease after the last ack

Mute, promise, patience and the old tree's lease run at the same time but for patience, which may
begin when a promise ends; so three leases are enough, and rounds are counted one for each member.

`resolve_ms`: from the moment when two leaders of mode none can hear each other (the streams are up
again) to one tree: one lease (a leader that cannot be heard yields after two of them), heartbeat,
the kill.
"""

from typing import TYPE_CHECKING

from hadelect.core.errands import FENCE_LONGEST_MS
from hadelect.core.vocabulary import Errand, Rules, promise_length
from hadelect.sim.errands import TIME_LIMIT_MS
from hadelect.sim.faults import Faults
from hadelect.sim.replication import rules_of

if TYPE_CHECKING:
    from hadelect.sim.replication import Pool
    from hadelect.sim.world import World

CRASH_BACKOFF_MS = 5_500
# A replication daemon that starts again, that nobody heard, that waits for those who still look,
# for the next try after a failure, and for another member to have it; all twice, for an heir.
STATE_MS = 2 * (5_000 + 3_000 + 5_000 + 10_000 + 10_000)


def bound_ms(rules: Rules, faults: Faults) -> int:
    voters = len(rules.voters)
    starts = CRASH_BACKOFF_MS + faults.start_ms[1] + faults.unit_ms[1]
    leases = 3 * promise_length(rules.lease_ms)
    probe = rules.probe_count * rules.probe_gap_ms
    turns = voters * rules.stagger_ms
    rounds = (voters + 2) * rules.round_ms
    rest = 2 * rules.heartbeat_ms + rules.preempt_delay_ms + errands_ms(rules)
    return starts + leases + probe + turns + rounds + rest + (STATE_MS if rules.replicates else 0)


def converge_ms(pool: "Pool") -> int:
    """From one leader and no writes to the same copy everywhere: daemons are back, each looks, has
    waited after its failures, fetches and installs; who kept too much aside waits for a look.
    """
    rules = rules_of(pool.sides[pool.members[0]])
    return rules.silent_ms + 3 * rules.retry_longest_ms + 10_000 + rules.interval_ms


def errands_ms(rules: Rules) -> int:
    """Hooks that hang may stand before ours; a fence command that failed is tried again later."""
    if not rules.errands:
        return 0
    # A tree that hung may be in the middle of its end: 10 s to SIGKILL.
    return 10_000 + 3 * TIME_LIMIT_MS + (FENCE_LONGEST_MS if Errand.FENCE in rules.errands else 0)


def resolve_ms(rules: Rules, faults: Faults) -> int:
    return 2 * rules.lease_ms + 2 * rules.heartbeat_ms + faults.kill_ms[1] + 500


def cooldown_ms(world: "World", *, everybody: bool = False) -> int:
    """How long until the first (or the last) member's cooldown after failures is over."""
    left = []
    for name in world.names:
        machine = world.machines[name]
        daemon = machine.daemon
        until = daemon.state.fitness.until if daemon and not machine.rules.witness else None
        reading = machine.clock.read(world.now)
        left.append(max(0, until - reading) if until is not None else 0)
    members = len(world.machines[world.names[0]].rules.identity.members)
    return max(left) if everybody else min(left[:members])
