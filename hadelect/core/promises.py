"""A vote is a promise of silence. Who may be granted what, and what voids a promise.

1. Whoever votes for, or acks an Alive of, a leader grants nobody else anything for that leader's
   lease + 1 % (at least 20 ms) from receipt. The leader's lease counts from the send time of the
   same message on the leader's own clock, so the silence always outlasts it.
2. To whom the promise goes is on disk before the vote or the ack leaves.
3. To one leader the longest silence ever promised is kept: a lease that it shortens counts for the
   Alives that say so, not for what it may still count on.
4. A promise is void early only by the secret of that (term, leader), by its candidate's Withdraw,
   or by an Alive of a later leadership of a majority (which could not have been won before).
5. Nobody is granted anything while our own controllee's tree is not verified dead.
"""

import hashlib
from collections.abc import Callable

from hadelect.core.copies import copy_now
from hadelect.core.effects import Persist, Send
from hadelect.core.frozen import replace
from hadelect.core.messages import Proof, SendId, Vote
from hadelect.core.state import Decision, Known, Promise, State
from hadelect.core.views import active_promise, has_learned, leader_lives
from hadelect.core.vocabulary import (
    ControlleeState,
    Leadership,
    Millis,
    Name,
    Refusal,
    Role,
    Rules,
    Term,
    promise_length,
)

REMEMBERED = 16  # Leaderships whose hash or release is remembered.


def secret_matches(secret: str, secret_hash: str) -> bool:
    return bool(secret) and hashlib.sha256(secret.encode()).hexdigest() == secret_hash


def with_known(state: State, leadership: Leadership, secret_hash: str) -> State:
    """Remember the hash that a proof of this leadership's end must match."""
    if not secret_hash or (state.known and state.known[-1] == Known(leadership, secret_hash)):
        return state
    others = tuple(entry for entry in state.known if entry.leadership != leadership)
    return replace(state, known=(*others, Known(leadership, secret_hash))[-REMEMBERED:])


def proves(state: State, proof: Proof) -> bool:
    """Whether the secret is the one whose hash this leader sent.

    A leader that took a higher term without touching its controllee kept its secret, so any
    leadership of the same leader with the same hash is meant.
    """
    return any(
        entry.leadership.leader == proof.leader and secret_matches(proof.secret, entry.secret_hash)
        for entry in state.known
    )


def with_release(state: State, proof: Proof) -> State:
    """That leadership (and all of its leader with the same secret) is over for good."""
    over = [Leadership(proof.term, proof.leader)]
    over += [
        entry.leadership
        for entry in state.known
        if entry.leadership.leader == proof.leader
        and secret_matches(proof.secret, entry.secret_hash)
    ]
    news = tuple(dict.fromkeys(entry for entry in over if entry not in state.released))
    released = (*state.released, *news)[-REMEMBERED:]
    promise = state.promise
    if promise and Leadership(promise.term, promise.leader) in released:
        promise = None
    return replace(state, released=released, promise=promise)


def grant_refusal(
    rules: Rules, state: State, sender: Name, proof: Proof | None
) -> tuple[Refusal | None, State]:
    """Why `sender` gets nothing now (None = it may). A valid proof that it brings is learnt."""
    now = state.now
    if proof and proves(state, proof):
        state = with_release(state, proof)
    if sender not in rules.identity.members:
        return Refusal.NOT_A_MEMBER, state
    if state.role is Role.LEADER:
        return Refusal.LEADER_ALIVE, state
    if state.leader != sender and leader_lives(state, now) and not is_rumour(state, proof):
        return Refusal.LEADER_ALIVE, state
    if state.controllee.state is not ControlleeState.STOPPED:
        return Refusal.PROMISED, state
    if now < state.mute_until or state.role is Role.PRE:
        return Refusal.MUTE, state
    if not has_learned(rules, state, now):
        return Refusal.BLANK, state
    promise = active_promise(state, now)
    if promise and promise.leader != sender:
        return Refusal.PROMISED, state
    if state.fitness.store:
        return Refusal.NO_STORE, state
    return None, state


def is_rumour(state: State, proof: Proof | None) -> bool:
    """Whether we only heard from others of the leader whose end the candidate can prove. We cannot
    check the proof, nobody told us the hash; but then we owe that leader nothing either.
    """
    if proof is None or proof.leader != state.leader or proof.term < state.term:
        return False
    ours = Leadership(state.term, proof.leader)
    return all(entry.leadership != ours for entry in state.known)


def longest_silence(state: State, leader: Name, lease_ms: Millis) -> Millis:
    """Until when silence is owed to `leader` if it is promised this lease now."""
    until = Millis(state.now + promise_length(lease_ms))
    held = state.promise
    return max(until, held.until) if held and held.leader == leader else until


def grant(state: State, sender: Name, asked: SendId) -> Decision:
    """Vote: promise silence, write it down, and only then say so."""
    until = longest_silence(state, sender, asked.lease_ms)
    vote = Send(sender, Vote(asked.term, asked.sent_at, copy_now(state, state.now)))
    record = state.record
    again = (record.promised_term, record.promised_to) == (asked.term, sender)
    if again and asked.lease_ms <= record.longest_lease_ms:
        # Asked again: the same vote, for a longer silence. It leaves if it is durable by now.
        renewed = replace(state, promise=Promise(asked.term, sender, until), patience_until=until)
        return Decision(renewed, (vote,) if state.durable >= state.promise_serial else ())
    record = replace(
        record,
        term=asked.term,
        vote=sender,
        promised_term=asked.term,
        promised_to=sender,
        promised_hash=asked.secret_hash,
        longest_lease_ms=Millis(max(state.record.longest_lease_ms, asked.lease_ms)),
        forgetful=False,
    )
    voted = replace(
        with_known(state, Leadership(asked.term, sender), asked.secret_hash).with_record(record),
        promise=Promise(asked.term, sender, until),
        patience_until=until,
        leader=None,
        wanted=None,
        stand_at=None,
        forgetful=False,
    )
    voted = replace(voted, promise_serial=voted.record.serial)
    return Decision(voted, (Persist(voted.record, then=(vote,)),))


def promise_to_leader(
    state: State,
    leadership: Leadership,
    lease_ms: Millis,
    secret_hash: str,
    ack: Callable[[Millis], Send],
) -> Decision:
    """Ack an Alive: promise silence anew; the first ack of a leadership waits for the disk.

    `ack` makes the ack of a lease. While a longer one is not on disk yet, the one before counts.
    """
    until = longest_silence(state, leadership.leader, lease_ms)
    promised = replace(state, promise=Promise(leadership.term, leadership.leader, until))
    record = state.record
    written = (record.promised_term, record.promised_to) == (leadership.term, leadership.leader)
    counts = min(lease_ms, durable_lease(state))
    # No ack that counts while the disk is still busy with it: that only costs the leader time.
    at_once = (ack(counts),) if written and counts and state.durable >= state.promise_serial else ()
    if written and lease_ms <= record.longest_lease_ms:
        return Decision(promised, at_once)
    record = replace(
        record,
        led=Term(max(record.led, leadership.term)),
        promised_term=leadership.term,
        promised_to=leadership.leader,
        promised_hash=secret_hash,
        longest_lease_ms=Millis(max(record.longest_lease_ms, lease_ms)),
        forgetful=False,
    )
    shorter = durable_lease(state)
    promised = replace(promised.with_record(record), forgetful=False)
    serial = promised.record.serial
    if written:
        promised = replace(promised, lease_serial=serial, shorter_ms=shorter)
    else:
        promised = replace(promised, promise_serial=serial)
    return Decision(promised, (*at_once, Persist(promised.record, then=(ack(lease_ms),))))


def durable_lease(state: State) -> Millis:
    """The longest lease that our disk knows we may have promised."""
    known = state.durable >= state.lease_serial
    return state.record.longest_lease_ms if known else state.shorter_ms
