"""A policy that is just enough to see the daemon work: who leads snaps, who follows installs."""

from dataclasses import dataclass, replace
from typing import Any

from hadelect.core.replication import effects as do
from hadelect.core.replication import events as ev
from hadelect.core.replication.messages import Advert
from hadelect.core.replication.rules import ReplicationRules
from hadelect.core.versions import Line, Replica, newer
from hadelect.core.vocabulary import NO_TERM, Millis, Name, Term


@dataclass(frozen=True)
class State:
    held: Line | None = None
    leads: Term = NO_TERM
    working: bool = False
    due: bool = False
    offered: tuple[tuple[Name, Line], ...] = ()
    bad: tuple[Name, ...] = ()  # Whose transfers failed since the last success.
    fetching: tuple[Name, Line] | None = None
    serial: int = 0
    failures: tuple[ev.Failed, ...] = ()


@dataclass(frozen=True)
class Decision:
    state: State
    effects: tuple[do.Effect, ...] = ()


def boot(rules: ReplicationRules, found: ev.Found, now: Millis) -> Decision:
    return Decision(State(found.held), (do.Report(Replica()),))


def lag_at(state: State, now: Millis) -> Millis:
    return Millis(1234 if state.held else 0)


def step(rules: ReplicationRules, state: State, event: ev.Event, now: Millis) -> Decision:
    said: tuple[do.Effect, ...] = ()
    match event:
        case ev.Told():
            state = replace(state, leads=event.term if event.leads else NO_TERM, due=event.leads)
        case ev.HadGone():
            state = replace(state, leads=NO_TERM)
        case ev.PeerUp():
            said = announced(rules, state)
        case ev.Heard() if event.advert.line is not None:
            kept = [one for one in state.offered if one[0] != event.sender]
            state = replace(state, offered=(*kept, (event.sender, event.advert.line)))
        case ev.Changed(settled=True):
            state = replace(state, due=True)
        case ev.Snapped():
            state = replace(state, working=False, held=event.line or state.held)
            said = (*announced(rules, state), reported(state))
        case ev.Fetched():
            assert state.fetching is not None
            return Decision(state, (do.Install(event.id, state.fetching[1]),))
        case ev.Installed():
            assert state.fetching is not None
            state = replace(state, working=False, held=state.fetching[1], bad=())
            said = (*announced(rules, state), reported(state))
        case ev.Failed():
            failed = (*state.failures, event)
            bad = (*state.bad, state.fetching[0]) if state.fetching else state.bad
            state = replace(state, working=False, failures=failed, bad=bad)
        case ev.Flush():
            said = (do.ErrandDone(event.id, ok=True),)
        case ev.AskRestore() | ev.Accept():
            said = (do.Answer(event.id, ok=False, text="not by this policy"),)
        case _:
            pass
    more = work(rules, state)
    return Decision(more.state, said + more.effects)


def announced(rules: ReplicationRules, state: State) -> tuple[do.Effect, ...]:
    advert = Advert(line=state.held, leads=state.leads)
    return tuple(do.Announce(name, advert) for name in rules.peers)


def reported(state: State) -> do.Report:
    version = state.held.version if state.held else None
    return do.Report(Replica(version, ready=True))


def work(rules: ReplicationRules, state: State) -> Decision:
    if state.working:
        return Decision(state)
    number = state.serial + 1
    if state.leads:
        if not state.due:
            return Decision(state)
        state = replace(state, working=True, due=False, serial=number)
        return Decision(
            state, (do.Snapshot(number, state.held, state.leads, full=state.held is None),)
        )
    for name, line in state.offered:
        held = state.held.version if state.held else None
        if newer(line.version, held) and name not in state.bad:
            state = replace(state, working=True, serial=number, fetching=(name, line))
            return Decision(state, (do.Fetch(number, name, line),))
    return Decision(state)


def wake_at(rules: ReplicationRules, state: Any) -> Millis:
    return Millis(1 << 60)
