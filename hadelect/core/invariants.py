"""What is true of a member at every moment, whatever it was told."""

from hadelect.core.state import State
from hadelect.core.vocabulary import TERM_STRIDE, ControlleeState, Role, Rules


def broken(rules: Rules, state: State) -> tuple[str, ...]:
    """The invariants that this state breaks, in words; empty = none."""
    leads = state.role is Role.LEADER
    stands = state.role is Role.ELECTION
    record = state.record
    checks = (
        ("LEADER has what a leader has", leads == (state.leading is not None)),
        ("only a candidate has a candidacy", stands == (state.candidacy is not None)),
        ("only a leader leaves", leads or state.leaving is None),
        ("a leader follows itself", not leads or state.leader == rules.me),
        ("a leader's term is its own", not leads or own_term(rules, state)),
        ("a witness never stands", not (rules.witness and (leads or stands))),
        ("only a leader waits to restart", leads or state.restart_at is None),
        ("only a leader asks for its state", leads or state.gate.run is None),
        (
            "no candidate beside a tree of its own",
            not stands or state.controllee.state is ControlleeState.STOPPED,
        ),
        ("the record holds the term it leads", not leads or record.term >= state.term),
        ("a vote of ours is in the record", record.vote is not None or record.term == 0),
        ("nothing durable that was never written", state.durable <= record.serial),
    )
    return tuple(words for words, holds in checks if not holds)


def own_term(rules: Rules, state: State) -> bool:
    """Terms are unique: only the member at this position may lead this one."""
    return state.term % TERM_STRIDE == rules.position(rules.me)
