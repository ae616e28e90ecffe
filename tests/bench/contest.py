"""The trials of all systems in one run: each in a process of its own, blows by turns.

Law 1: a trial begins in a settled system, at a random phase; every system has the same judge.
Law 2: a trial that fails is said and counted, and costs this trial only.
"""

import contextlib
import math
import multiprocessing
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench import floor, system_keepalived
from tests.bench.blows import REVERSIBLE, Blow, Trial
from tests.bench.lives import gap, overlap
from tests.bench.pace import Pace
from tests.bench.peers import SUITS
from tests.bench.proc_events import ProcEvents
from tests.bench.quiet import Quiet
from tests.bench.system import DICE, System
from tests.bench.system_hadelect import Hadelect, shipped
from tests.bench.system_keepalived import Keepalived
from tests.bench.system_lock_file import LockFile

FLOOR = "floor"
MODES = ("none", "majority")
HOLD = 1.0  # For so long what went wrong may go on before we end it, in s.
SAY_EVERY = 60.0
CALM = 0.3  # The same where nothing was frozen or cut: a second scheduler would show by then.

Plan = Mapping[Blow, int]
Build = Callable[[str, Path], System]


@dataclass(frozen=True, slots=True)
class Score:
    """What one system's trials gave."""

    system: str
    trials: tuple[Trial, ...]
    failed: tuple[str, ...] = ()  # One line each.


def systems() -> dict[str, Build]:
    """Every system by name; hadelect first."""
    found: dict[str, Build] = {}
    for mode in MODES:
        found[f"hadelect {mode}"] = partial(_hadelect, mode, "")
    for mode in MODES:
        found[f"hadelect {mode}, fast"] = partial(_hadelect, mode, "fast")
    if not system_keepalived.missing():
        found["keepalived 0.1 s"] = partial(Keepalived, period=0.1)
        found["keepalived 1 s"] = partial(Keepalived, period=1.0)
    found["lock file 0.1 s"] = partial(LockFile, period=0.1)
    found["lock file 1 s"] = partial(LockFile, period=1.0)
    return found


def _hadelect(mode: str, preset: str, name: str, home: Path) -> System:
    return Hadelect(name, home, shipped(mode, preset))


def plan(system: str, trials: int, long: int) -> Plan:
    """How often which blow: `long` times where a trial takes a lease or more."""
    if system.startswith("hadelect"):
        if system.endswith("fast"):
            return {Blow.CUT: trials}
        slow = {Blow.DAEMON_AND_SUPERVISOR, Blow.NODE, *REVERSIBLE}
        return {blow: long if blow in slow else trials for blow in Blow}
    blows = SUITS - ({Blow.CUT} if system.startswith("lock") else set())
    return {blow: trials if system.endswith("0.1 s") else long for blow in Blow if blow in blows}


def contest(trials: int, long: int, only: str = "") -> Iterator[Score]:
    """Play all systems whose name has `only` in it, beside each other, and the floor."""
    chosen = [name for name in systems() if only in name]
    context = multiprocessing.get_context("spawn")
    with (
        TemporaryDirectory(prefix="hadelect-quiet-") as quiet,
        ProcessPoolExecutor(len(chosen) + 1, mp_context=context) as room,
    ):
        pace = Pace(Path(quiet))
        pace.line_up([*chosen, FLOOR])
        games: list[Future[Score]] = [
            room.submit(play, name, plan(name, trials, long), Path(quiet)) for name in chosen
        ]
        games.append(room.submit(play_floor, trials, Path(quiet)))
        while wait(games, SAY_EVERY).not_done:
            print(f"  {pace.slowest():.0%} of all trials", file=sys.stderr, flush=True)
        for game in games:
            yield game.result()


def play_floor(trials: int, room: Path) -> Score:
    """The floor under every failover."""
    pace, found = Pace(room), []
    with ProcEvents() as events, floor.running() as peers:
        for done in range(trials):
            pace.wait(FLOOR)
            with Quiet(room).alone():
                found.append(floor.trial(peers, events))
            pace.reached(FLOOR, (done + 1) / trials)
    return Score(FLOOR, tuple(Trial(FLOOR, Blow.DAEMON, ms, 0.0, 0.0, False) for ms in found))


def play(name: str, asked: Plan, room: Path) -> Score:
    """All trials of one system, its blows in a random order."""
    pace = Pace(room)
    try:
        return _play(name, asked, room)
    finally:
        pace.reached(name, 1.0)  # Whatever happened: nobody waits for it.


def _play(name: str, asked: Plan, room: Path) -> Score:
    pace, quiet = Pace(room), Quiet(room)
    order = [blow for blow, times in asked.items() for _ in range(times)]
    DICE.shuffle(order)
    found: list[Trial] = []
    failed: list[str] = []
    while order:
        with contextlib.ExitStack() as stack:
            home = Path(stack.enter_context(TemporaryDirectory(prefix="hadelect-bench-")))
            system = systems()[name](name, home / "lab")
            stack.callback(system.close)
            while order:
                pace.wait(name)
                blow = order.pop()
                try:
                    found.append(trial(system, blow, quiet))
                except (AssertionError, OSError, subprocess.SubprocessError) as reason:
                    first = str(reason).partition("\n")[0]
                    failed.append(f"{name}, {blow.value}: {type(reason).__name__}: {first}")
                    traceback.print_exc()
                    break  # Whatever state it is in: begin anew.
                finally:
                    pace.reached(name, 1 - len(order) / sum(asked.values()))
        said = f"{name}: {len(found)} of {sum(asked.values())} trials, {len(failed)} failed"
        print(said, file=sys.stderr, flush=True)
    return Score(name, tuple(found), tuple(failed))


def trial(system: System, blow: Blow, quiet: Quiet) -> Trial:
    with quiet.busy():
        system.settle()
    system.journal.forget()
    system.schedulers.forget()
    time.sleep(system.phase())
    with quiet.alone() if system.swift(blow) else contextlib.nullcontext():
        strike = system.aim(blow)
        struck = time.monotonic_ns()
        strike()
        heir = system.schedulers.heir(struck, system.patience)
    time.sleep(CALM)
    outlived = not system.schedulers.alone(HOLD) and heir is not None
    system.relieve()
    if blow in REVERSIBLE:
        system.schedulers.alone(HOLD)
    with quiet.busy():
        system.repair()
        system.settle()
    lives = system.schedulers.since(struck)
    seen = max(overlap(lives, time.monotonic_ns()), system.journal.verdict().overlap_ns)
    return Trial(
        system.name,
        blow,
        failover=math.inf if heir is None else (heir.began - struck) / 1e6,
        gap=math.inf if heir is None else gap(lives, heir) / 1e6,
        overlap=seen / 1e6,
        outlived=outlived,
    )
