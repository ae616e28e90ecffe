"""What an administrator orders: consent to a loss, or an old version's content as a new version."""

from hadelect.core.frozen import replace
from hadelect.core.replication import lines
from hadelect.core.replication.effects import Answer, Emit, Matter
from hadelect.core.replication.events import Accept, AskRestore
from hadelect.core.replication.rules import ReplicationRules
from hadelect.core.replication.state import Consent, Decision, State
from hadelect.core.versions import Line, newer


def on_accept(state: State, said: Accept) -> Decision:
    old = state.consent
    consent = Consent(
        loss=said.because if said.loss else old.loss,
        empty=said.because if said.empty else old.empty,
    )
    what = "a start on no state at all" if said.empty else "the loss of what is out of reach"
    words = f"{what} is accepted for the next start here: {said.because}"
    told = Emit(Matter.OPERATOR, words, warning=True)
    return Decision(replace(state, consent=consent), (told, Answer(said.id, ok=True, text=words)))


def on_ask_restore(rules: ReplicationRules, state: State, asked: AskRestore) -> Decision:
    why_not = restore_refusal(rules, state)
    if why_not:
        return Decision(state, (Answer(asked.id, ok=False, text=why_not),))
    return Decision(replace(state, restoring=asked, again_at=state.now))


def restore_refusal(rules: ReplicationRules, state: State) -> str:
    """Empty: the next version is ours to take."""
    stop = "stop the HADs of all members (leave the replication daemons), restore, start them again"
    if state.restoring is not None or state.preparing is not None or state.flushing is not None:
        return "other work on the state is under way here: try again in a moment"
    if state.writes and not state.flushed:
        return f"the controllee runs on these files: {stop}"
    if state.leads:
        return ""
    if state.led:
        return f"another member leads: {stop}"
    line, holder = lines.best(rules, state)
    newest = line.version if line else None
    if newer(state.known, newest) or holder is not None or newest is None:
        return f"the newest state, {state.known}, is not here yet: wait until it is"
    if not state.author:
        return f"the newest state, {newest}, is of {lines.writer(rules, newest)}: restore it there"
    return ""


def on_restored(state: State, line: Line) -> Decision:
    asked = state.restoring
    assert asked is not None
    words = f"{asked.version} is restored, as {line.version}: {asked.because}"
    told = Emit(Matter.OPERATOR, words, line.version, warning=True)
    answer = Answer(asked.id, ok=True, text=words)
    # What was started meanwhile, on what was just restored, makes it its own.
    author = state.author if state.writes else line.version.term
    state = replace(state, restoring=None, author=author)
    return Decision(state, (told, answer))


def not_restored(state: State, because: str) -> Decision:
    asked = state.restoring
    assert asked is not None
    state = replace(state, restoring=None, failures=0, again_at=state.now)
    return Decision(state, (Answer(asked.id, ok=False, text=because),))
