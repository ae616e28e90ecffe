"""Which terms a member believes: numbers must not run out because somebody talks nonsense.

Law 1: what is proven counts whole: our own record, the leadership that we lead or follow, the state
       that lies here. A leader's word about its own term is believed, too: it is followed or not.
Law 2: what others say of terms counts only within TERM_LEAP of what is proven. Nobody falls so far
       behind in earnest; so nonsense moves nobody, however often it is said.
Law 3: only what we know ourselves is passed on, not what others said that they know.
Law 4: to disbelieve weakens no promise: a record is always believed, and who has lost its own has
       not learned a term from one whom it does not believe (`views.has_learned`).
"""

from hadelect.core.effects import Emit
from hadelect.core.frozen import replace
from hadelect.core.messages import Standing
from hadelect.core.state import PeerView, State
from hadelect.core.vocabulary import NO_TERM, TERM_LEAP, Millis, Term

QUIET_MS = Millis(10_000)  # Between two words about one peer's nonsense.


def proven_term(state: State) -> Term:
    """The highest term that this member voted for, followed, led or has state of.

    The state outlives the record of the terms under which it was written: where only that was
    lost, a leader must not get a term below them (what it writes would look older than it is).
    """
    record, mine = state.record, state.replica
    written = mine.version.term if mine and mine.version else NO_TERM
    return Term(max(record.term, record.led, state.term, written))


def credible(state: State, term: Term) -> bool:
    """Whether it can be true that somebody knows this term."""
    return term <= proven_term(state) + TERM_LEAP


def believed(state: State, *terms: Term) -> Term:
    """The highest that is proven, or can be true of these."""
    proven = proven_term(state)
    return Term(max(proven, *(term for term in terms if term <= proven + TERM_LEAP), NO_TERM))


def known_term(state: State) -> Term:
    """What others are told: what is proven, and what leaders and holders of state named."""
    mine = state.replica
    named = [entry.leadership.term for entry in state.known]
    if mine is not None and mine.known is not None:
        named.append(mine.known.term)
    return believed(state, *named)


def with_doubt(state: State, view: PeerView, said: Standing) -> tuple[PeerView, tuple[Emit, ...]]:
    """People hear of a peer that says what cannot be: once, and of other nonsense now and then."""
    if credible(state, said.known_term) or state.now - view.told_refusal_at < QUIET_MS:
        return view, ()
    words = (
        f"{view.name} says that it knows term {said.known_term}, which cannot be: not believed;"
        " look after its HAD_STATE_DIR and its release"
    )
    if view.told_refusal == words:
        return view, ()
    told = Emit(state.role, state.term, words, warning=True)
    return replace(view, told_refusal=words, told_refusal_at=state.now), (told,)
