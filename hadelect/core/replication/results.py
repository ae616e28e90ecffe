"""What follows from a piece of work that is done, or that failed."""

from typing import assert_never

from hadelect.core.frozen import replace
from hadelect.core.replication import lag, lines, operators
from hadelect.core.replication.effects import (
    Emit,
    Fetch,
    Install,
    Look,
    Mark,
    Matter,
    Restore,
    Snapshot,
    Work,
)
from hadelect.core.replication.events import (
    Failed,
    Failure,
    Fetched,
    Installed,
    Looked,
    Marked,
    Restored,
    Snapped,
)
from hadelect.core.replication.rules import ReplicationRules
from hadelect.core.replication.state import Consent, Decision, Live, Preparing, State
from hadelect.core.replication.work import backoff
from hadelect.core.versions import Line, newer
from hadelect.core.vocabulary import NO_TERM, Millis

NO_DIGITS = str.maketrans("", "", "0123456789")

Result = Looked | Marked | Snapped | Fetched | Installed | Restored | Failed


def on_result(rules: ReplicationRules, state: State, event: Result) -> Decision:
    work = state.work
    if work is None or work.id != event.id:
        return Decision(state)  # Of nobody's question.
    state = replace(state, work=None)
    if isinstance(event, Failed):
        return on_failed(rules, state, work, event)
    if not isinstance(work, Fetch):
        state = replace(state, failures=0, trouble="", again_at=state.now)
    match event:
        case Looked():
            return on_looked(rules, state, event)
        case Marked():
            return Decision(now_held(state, event.line), (version_told(event.line),))
        case Snapped():
            assert isinstance(work, Snapshot)
            return on_snapped(rules, state, work, event)
        case Fetched():
            assert isinstance(work, Fetch)
            return Decision(fetched(replace(state, received=work.line), work))
        case Installed():
            assert isinstance(work, Install)
            return on_installed(rules, state, work, event)
        case Restored():
            return operators.on_restored(clean(now_held(state, event.line)), event.line)
        case _:
            assert_never(event)


def on_looked(rules: ReplicationRules, state: State, event: Looked) -> Decision:
    old = state.live
    dirty, due = event.dirty or old.touched, event.dirty or old.due
    live = Live(looked=True, dirty=dirty, due=due, missing=event.missing)
    again = Millis(state.now + rules.interval_ms)
    return Decision(replace(state, live=live, look_due=again))


def on_snapped(rules: ReplicationRules, state: State, work: Snapshot, event: Snapped) -> Decision:
    live, since = state.live, state.since
    state = replace(
        state,
        live=Live(looked=True, dirty=live.touched, due=live.due),
        look_due=Millis(state.now + rules.interval_ms) if work.full else state.look_due,
        emptied="",
        consent=replace(state.consent, empty="") if work.empty else state.consent,
    )
    if state.writes:  # Else it was all there before: since when, is another question.
        verified_at = since if live.touched else state.now
        state = replace(state, founded=True, verified_at=verified_at)
    if state.preparing is not None:
        state = replace(state, preparing=replace(state.preparing, snapped=True))
    if state.flushing is not None:
        state = replace(state, flushing=replace(state.flushing, snapped=True), flushed=True)
    if event.line is None:
        return Decision(state)
    return Decision(now_held(state, event.line), (version_told(event.line),))


def version_told(line: Line) -> Emit:
    return Emit(Matter.VERSION, f"version {line.version} is taken", line.version)


def now_held(state: State, line: Line) -> State:
    return lines.learn(replace(state, held=line), line.version)


def clean(state: State) -> State:
    return replace(state, live=Live(looked=True))


def fetched(state: State, work: Fetch) -> State:
    source = state.peer(work.source)
    assert source is not None
    return state.with_peer(replace(source, failures=0, because=""))


def on_installed(
    rules: ReplicationRules, state: State, work: Install, event: Installed
) -> Decision:
    told: tuple[Emit, ...] = (
        Emit(Matter.INSTALLED, f"version {work.line.version} is installed", work.line.version),
    )
    if event.aside:
        recent = (*state.kept, state.now)[-4:]
        state = replace(state, kept=recent)
        words = (
            f"what was here is kept in {event.aside}: {work.aside};"
            f" the state is {work.line.version} now"
        )
        told = (Emit(Matter.CONFLICT, words, work.line.version, warning=True), *told)
    # A controllee that was started meanwhile, on what we just installed, makes it its own.
    author = state.told.term if state.writes else NO_TERM
    wrote = state.live.touched
    live = Live(looked=state.writes or not wrote, dirty=wrote, due=wrote)
    if not newer(state.known, work.line.version):  # Nothing is missing: nothing to consent to.
        state = replace(state, consent=Consent())
    state = replace(now_held(state, work.line), live=live, author=author, received=None)
    return Decision(lag.believe(state), told)


def on_failed(rules: ReplicationRules, state: State, work: Work, event: Failed) -> Decision:
    if isinstance(work, Snapshot):
        state = replace(state, live=replace(state.live, due=True))
    if event.failure is Failure.CANCELLED:
        return Decision(state)
    if isinstance(work, Fetch):
        return not_fetched(rules, state, work, event)
    news = event.because != state.trouble
    failures = state.failures + 1
    wait = rules.retry_ms if event.failure is Failure.LOCKED else backoff(rules, failures)
    state = replace(
        state, failures=failures, trouble=event.because, again_at=Millis(state.now + wait)
    )
    if event.failure is Failure.EMPTY:
        state = replace(state, live=replace(state.live, missing=event.because, looked=True))
    if event.failure is Failure.GONE and isinstance(work, Install) and work.line == state.received:
        state = replace(state, received=None)
    if state.preparing is not None:
        state = shaken(state, state.preparing, work, event)
    if isinstance(work, Restore):
        return operators.not_restored(state, event.because)
    words = f"{VERBS[type(work)]} did not succeed: {event.because}"
    told = (Emit(Matter.FAILED, words, warning=True),) if news else ()
    return Decision(state, told)


VERBS: dict[type[Work], str] = {
    Look: "a look at the state files",
    Mark: "the first version of this leadership",
    Snapshot: "a snapshot of the state files",
    Install: "the installation of a version",
    Restore: "a restore",
}


def shaken(state: State, preparing: Preparing, work: Work, event: Failed) -> State:
    """Live files that cannot be made a version may be good enough to start on: if they are there,
    which nobody has looked at yet.
    """
    if not isinstance(work, Snapshot):
        return replace(state, preparing=replace(preparing, broken=event.because))
    looked = event.failure is Failure.EMPTY
    live = replace(state.live, looked=looked)
    return replace(state, preparing=replace(preparing, snapped=True), live=live)


def alike(one: str, other: str) -> bool:
    """The same words, whatever their numbers: what is told again and again is told once."""
    return one.translate(NO_DIGITS) == other.translate(NO_DIGITS)


def not_fetched(rules: ReplicationRules, state: State, work: Fetch, event: Failed) -> Decision:
    """Another holder is next; this one later."""
    source = state.peer(work.source)
    assert source is not None
    failures = source.failures + 1
    later = Millis(state.now + backoff(rules, failures))
    because = source.because if alike(source.because, event.because) else event.because
    failing = replace(source, failures=failures, avoid_until=later, because=because)
    state = state.with_peer(failing)
    if state.preparing is not None:
        without = (*state.preparing.without, work.source)
        tried = replace(state.preparing, without=without, because=event.because)
        state = replace(state, preparing=tried)
    words = f"version {work.line.version} could not be had from {work.source}: {event.because}"
    told = (Emit(Matter.FAILED, words, work.line.version, warning=True),)
    return Decision(state, told if failures == 1 else ())
