"""What a daemon adds to the world's counters: how it started, how it won and left its roles."""

from collections import Counter

from hadelect.core.effects import Emit, Record
from hadelect.core.state import State
from hadelect.core.views import active_promise
from hadelect.core.vocabulary import Cause, Role


def count_start(
    counters: Counter[str], state: State, found: Record | None, *, same_boot: bool
) -> None:
    if found is None:
        counters["starts blank"] += 1
    elif not same_boot:
        counters["starts after a reboot"] += 1
    else:
        counters[f"starts after a {'clean stop' if found.clean else 'crash'}"] += 1
    counters["starts inside a promise"] += active_promise(state, state.now) is not None
    counters["starts mute"] += state.mute_until > state.now


def count_change(counters: Counter[str], told: Emit, cause: Cause) -> None:
    if told.role is Role.LEADER is told.was:
        counters["two leaders met"] += cause is Cause.SPLIT_BRAIN
    elif told.role is Role.LEADER:
        counters[f"won after {cause.value}"] += 1
    elif told.was is Role.LEADER:
        counters[f"left for {cause.value}"] += 1
    elif told.was is Role.ELECTION:
        counters["elections lost"] += cause is Cause.LOST_ELECTION
