"""What is done next with the files: one piece at a time.

A leader whose controllee runs takes versions. A winner whose controllee waits prepares
(preparing.py). Everybody else brings its copy up to date:

1. look at its files, exactly, once a life and every REPLICATION_INTERVAL;
2. make a version of what its own controllee wrote last: nobody else can;
3. fetch what is newer, install it, keep aside what that does not contain;
4. install once more what it holds, if somebody damaged the copy.
"""

from collections.abc import Callable

from hadelect.core.frozen import replace
from hadelect.core.replication import lines
from hadelect.core.replication.effects import (
    Cancel,
    Fetch,
    Install,
    Look,
    Mark,
    Restore,
    Snapshot,
    Work,
)
from hadelect.core.replication.rules import ReplicationRules
from hadelect.core.replication.state import Decision, State
from hadelect.core.versions import Line, continued, newer
from hadelect.core.vocabulary import Millis, Name

Make = Callable[[int], Work]

MOST_ASIDES = 3  # In one REPLICATION_INTERVAL: who writes to a copy again and again fills no disk.
TRIES = 3  # Of a last version of what nobody may be able to read, before it is kept aside unread.


def begin(state: State, make: Make) -> Decision:
    """Of a piece of work, under the next number."""
    number = state.serial + 1
    work = make(number)
    # A write that was told and has not settled may go on: what is read now is not the end of it.
    touched = state.live.dirty and not state.live.due
    live = replace(state.live, touched=touched)
    if isinstance(work, Snapshot | Look):
        live = replace(live, due=False)
    if isinstance(work, Fetch):
        state = replace(state, received=None)  # There is room for one.
    state = replace(state, serial=number, work=work, since=state.now, unwanted=False, live=live)
    return Decision(state, (work,))


def go_on(rules: ReplicationRules, state: State) -> Decision:
    """Begin the next piece, if none is under way and there is one."""
    if state.work is not None:
        return unwant(state)
    make = wanted(rules, state)
    return begin(state, make) if make else Decision(state)


def unwant(state: State) -> Decision:
    """A leader has no use for what others have."""
    if state.unwanted or not state.writes or not isinstance(state.work, Fetch):
        return Decision(state)
    return cancel(state)


def cancel(state: State) -> Decision:
    assert state.work is not None
    return Decision(replace(state, unwanted=True), (Cancel(state.work.id),))


def wanted(rules: ReplicationRules, state: State) -> Make | None:
    rested = state.now >= state.again_at
    if state.flushing is not None:
        return last_snapshot(rules, state) if rested and not state.flushing.snapped else None
    if state.writes:
        return next_version(rules, state) if rested and not state.flushed else None
    if state.restoring is not None:
        return restoring(rules, state)
    if state.leads:
        return None  # Its controllee may be started at any moment.
    own = own_files(rules, state) if rested else None
    return own or from_others(rules, state)


# --- a leader's versions ---


def next_version(rules: ReplicationRules, state: State) -> Make | None:
    term = state.told.term
    if not lines.continues(state, term):
        return None
    full = state.held is None or state.now >= state.look_due
    if state.held is not None and state.held.version.term < term and not state.failures:
        line = continued(lines.base(rules, state, term), term, state.held.version.digest)
        return lambda number: Mark(number, line)
    if full or state.live.due:
        return snapshot(rules, state, full=full)
    return None


def snapshot(rules: ReplicationRules, state: State, *, full: bool) -> Make:
    onto = lines.base(rules, state, state.author)
    empty = state.writes and bool(state.accepts_empty)
    return lambda number: Snapshot(number, onto, state.author, full, empty)


def last_snapshot(rules: ReplicationRules, state: State) -> Make | None:
    """The controllee is dead: what it left, exactly."""
    return snapshot(rules, state, full=True)


# --- a copy ---


def own_files(rules: ReplicationRules, state: State) -> Make | None:
    if not state.live.looked or state.now >= state.look_due:
        return Look
    hopeless = state.failures >= TRIES and lines.best(rules, state)[1] is not None
    if unsnapped(state) and state.live.due and not hopeless:
        return snapshot(rules, state, full=True)
    if state.received is not None and newer(state.received.version, state.version):
        return install(rules, state, state.received)
    return repair(rules, state)


def unsnapped(state: State) -> bool:
    """Our own controllee wrote what no version has yet."""
    live = state.live
    ours = bool(state.author) and lines.continues(state, state.author)
    return ours and live.looked and live.dirty and not live.missing


def install(
    rules: ReplicationRules, state: State, line: Line, *, bounded: bool = True
) -> Make | None:
    aside = lines.doomed(state, line)
    if aside and bounded and too_many_asides(rules, state):
        return None
    return lambda number: Install(number, line, aside)


def too_many_asides(rules: ReplicationRules, state: State) -> bool:
    lately = [at for at in state.kept if state.now < at + rules.interval_ms]
    return len(lately) >= MOST_ASIDES


def repair(rules: ReplicationRules, state: State) -> Make | None:
    """What is held once more: it is missing, or somebody wrote to a copy while another leads."""
    damaged = state.live.missing or (state.live.dirty and state.led and not state.author)
    line, holder = lines.best(rules, state)
    if line is None or holder is not None or not damaged:
        return None
    return install(rules, state, line)


def from_others(rules: ReplicationRules, state: State) -> Make | None:
    line, holder = lines.best(rules, state)
    if line is None or holder is None:
        return None
    if state.received is not None and not newer(line.version, state.received.version):
        return None
    return fetch(holder.name, line)


def fetch(source: Name, line: Line) -> Make:
    return lambda number: Fetch(number, source, line)


# --- an operator's ---


def restoring(rules: ReplicationRules, state: State) -> Make:
    asked = state.restoring
    assert asked is not None
    term = state.told.term if state.leads else state.author
    onto = lines.base(rules, state, term)
    return lambda number: Restore(number, asked.version, onto, term)


def backoff(rules: ReplicationRules, failures: int) -> Millis:
    """After that many failures in a row."""
    return Millis(min(rules.retry_ms << min(failures - 1, 16), rules.retry_longest_ms))
