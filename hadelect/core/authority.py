"""How long a leader may act, and until when its tree may live.

1. Authority counts from the *send* time of the Alive that was acked, for the lease that the ack
   says was *promised*. What the configuration says since then changes nothing about it.
2. Voters keep the longest silence that they owe to one leader, so authority is never taken back.
3. SIGKILL is due a margin before authority ends. It only ever moves later: a wider margin or a
   shorter lease never makes it due in the past.
4. A longer heartbeat and a wider margin begin only once authority has room for both: voters whose
   disk takes no writes promise the old, shorter lease until it does.
"""

from hadelect.core.effects import Extend
from hadelect.core.frozen import replace
from hadelect.core.messages import AliveAck
from hadelect.core.state import LONG_AGO, Decision, Leading, State
from hadelect.core.vocabulary import Millis, Name, Rules


def with_ack(rules: Rules, leading: Leading, sender: Name, ack: AliveAck) -> Leading:
    """The sender is silent for us until then, by our clock; for no more than we ever said."""
    acked = dict(leading.acked)
    until = Millis(ack.sent_at + min(ack.lease_ms, leading.longest_ms))
    acked[sender] = max(until, acked.get(sender, until))
    in_order = tuple((name, acked[name]) for name in rules.peers if name in acked)
    return replace(leading, acked=in_order)


def majority_authority(rules: Rules, leading: Leading) -> Millis:
    """When the authority backed by a majority ends: with its first necessary promise."""
    latest_first = sorted((until for _, until in leading.acked), reverse=True)
    others_needed = rules.majority - 1
    if len(latest_first) < others_needed or others_needed == 0:
        return LONG_AGO
    return latest_first[others_needed - 1]


def with_authority(rules: Rules, state: State, until: Millis) -> Decision:
    """Authority lasts until then, or longer; the deadline of the tree moves along."""
    leading = state.leading
    assert leading is not None
    until = max(until, leading.authority_until)
    margin = rules.margin_ms
    if not has_room(rules, until, state.now):
        margin = min(margin, leading.margin_ms)
    deadline = max(leading.deadline, Millis(until - margin))
    later = deadline > leading.deadline
    leading = replace(leading, authority_until=until, deadline=deadline, margin_ms=margin)
    state = replace(state, leading=leading)
    # Before its first start the supervisor does not know of this leadership.
    extends = later and leading.started
    return Decision(state, (Extend(state.term, deadline),) if extends else ())


def beating(rules: Rules, leading: Leading, now: Millis) -> Leading:
    """An Alive is sent now; when the next one is due."""
    room = has_room(rules, leading.authority_until, now)
    beat = rules.heartbeat_ms if room else min(rules.heartbeat_ms, leading.beat_ms)
    longest = max(rules.lease_ms, leading.longest_ms)
    return replace(leading, beat_ms=beat, alive_due=Millis(now + beat), longest_ms=longest)


def has_room(rules: Rules, until: Millis, now: Millis) -> bool:
    """For the margin and two heartbeats of the configuration."""
    return until - now >= rules.margin_ms + 2 * rules.heartbeat_ms
