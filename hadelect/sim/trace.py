"""Runs a .trace file: prose, a command, `----`, and what the pool then said.

`python -m hadelect.sim.trace --record FILE…` writes what it says today; without --record it shows
the difference and exits 1 if there is one. The commands are the rows of `COMMANDS` below; members
are cm1 … and witnesses w1 …; times are `500ms`, `2s`, `2.5s`, `1h`.
"""

import argparse
import difflib
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

from hadelect.core.events import Drain, Handover, Shutdown
from hadelect.core.vocabulary import Arbitration, Errand, Name
from hadelect.sim.configuring import UnknownCommand, configured, millis
from hadelect.sim.faults import Faults
from hadelect.sim.machine import Machine
from hadelect.sim.swarm import views
from hadelect.sim.world import World, pool_of

RULE = "----"
STEADY = Faults(delay_ms=(2, 2), start_ms=(200, 200))  # No dice: recordings stay comparable.
APART_MS = 50  # Between the boots of two members.
FOREVER_MS = 1 << 40  # A SIGSTOP without an end in sight.


class Script:
    """One trace file while it runs: the pool, and what it answered."""

    def __init__(self) -> None:
        self._world: World | None = None
        self._commands = 0

    @property
    def world(self) -> World:
        if self._world is None:
            raise UnknownCommand("the first command must be `pool`")
        return self._world

    def obey(self, line: str) -> list[str]:
        """Carry out one command; returns what was said meanwhile."""
        verb, *words = line.split()
        if verb not in COMMANDS:
            raise UnknownCommand(f"{verb}; there are: {', '.join(COMMANDS)}")
        said = len(self._world.log) if self._world else 0
        COMMANDS[verb](self, words)
        return self.world.log[said:]

    def machine(self, name: str) -> Machine:
        if name not in self.world.machines:
            raise UnknownCommand(f"no member {name}; there are: {', '.join(self.world.names)}")
        return self.world.machines[Name(name)]

    # -- the pool and time -----------------------------------------------------------------------

    def pool(self, words: list[str]) -> None:
        """`pool SIZE [none|majority] [primary] [replicates] [witness] [off] [lease=T]
        [errands=NAME,…]`.

        The first boots last.
        """
        timing: dict[str, Any] = {
            "unfit_cooldown_ms": 60_000,
            "check_interval_ms": 2000,
            "use_primary": "primary" in words,
            "replicates": "replicates" in words,
        }
        given = dict(word.split("=") for word in words if "=" in word)
        named = given.pop("errands", "")
        timing["errands"] = tuple(Errand(name) for name in named.split(",") if name)
        timing |= {f"{name}_ms": millis(value) for name, value in given.items()}
        mode = Arbitration.NONE if "none" in words else Arbitration.MAJORITY
        rules = pool_of(int(words[0]), words.count("witness"), mode, **timing)
        self._world = world = World(rules, 0, STEADY)
        if "off" not in words:
            for place, name in enumerate(reversed(world.names)):
                world.at(place * APART_MS, world.machines[name].power_on)

    def run(self, words: list[str]) -> None:
        self.world.run_for(millis(words[0]))

    def status(self, _: list[str]) -> None:
        for view in views(self.world).split("; "):
            self.world.say("", view)

    # -- machines and processes ------------------------------------------------------------------

    def power_on(self, words: list[str]) -> None:
        for name in words:
            self.machine(name).power_on()

    def power_off(self, words: list[str]) -> None:
        for name in words:
            self.machine(name).power_off()

    def kill(self, words: list[str]) -> None:
        """`kill MEMBER daemon|supervisor|init|controllee …`."""
        machine = self.machine(words[0])
        kills = {
            "daemon": machine.kill_daemon,
            "supervisor": machine.kill_supervisor,
            "init": machine.kill_init,
            "controllee": machine.controllee_exits,
        }
        for what in words[1:]:
            kills[what]()

    def pause(self, words: list[str]) -> None:
        """`pause MEMBER daemon|supervisor|init …`: SIGSTOP."""
        self.machine(words[0]).pause(tuple(words[1:]), FOREVER_MS)

    def resume(self, words: list[str]) -> None:
        for name in words:
            self.machine(name).resume()

    def stop(self, words: list[str]) -> None:
        """SIGTERM for the service."""
        for name in words:
            self.machine(name).command(Shutdown("SIGTERM"))

    def start(self, words: list[str]) -> None:
        for name in words:
            self.machine(name).start_service()

    def wipe(self, words: list[str]) -> None:
        for name in words:
            self.machine(name).wipe()

    def configure(self, words: list[str]) -> None:
        """`configure MEMBER lease=T|controllee=NAME|members=A,B …`: from its next start."""
        machine = self.machine(words[0])
        for word in words[1:]:
            name, value = word.split("=")
            machine.rules = configured(machine.rules, name, value)
            self.world.say(machine.name, f"is configured with {word}")

    def reload(self, words: list[str]) -> None:
        """`reload MEMBER lease=T|heartbeat=T|margin=T|primary=yes|errands=NAME,… …`: live."""
        machine = self.machine(words[0])
        rules = machine.rules
        for word in words[1:]:
            name, value = word.split("=")
            rules = configured(rules, name, value)
        machine.reload(rules, " ".join(words[1:]))

    # -- what goes wrong on a machine ------------------------------------------------------------

    def disk_full(self, words: list[str]) -> None:
        for name in words:
            self.machine(name).disk.full = True

    def disk_works(self, words: list[str]) -> None:
        for name in words:
            self.machine(name).disk.recover()

    def disk_stalls(self, words: list[str]) -> None:
        """`disk-stalls MEMBER TIME`: no write ends for so long."""
        self.machine(words[0]).disk.stall(self.world.now + millis(words[1]))

    def unkillable(self, words: list[str]) -> None:
        """`unkillable MEMBER TIME`: SIGKILL takes effect only then (state D)."""
        self.machine(words[0]).stuck_until = self.world.now + millis(words[1])

    def ignore_sigterm(self, words: list[str]) -> None:
        self.machine(words[0]).slow_quits = 1

    def break_exec(self, words: list[str]) -> None:
        self.machine(words[0]).exec_failures = 1000

    def hang(self, words: list[str]) -> None:
        """The controllee lives and does nothing."""
        for name in words:
            self.machine(name).controllee_hangs()

    def errand(self, words: list[str]) -> None:
        """`errand MEMBER NAME fails|hangs|unknown|works`: what becomes of that command there."""
        self.machine(words[0]).habits[Errand(words[1])] = words[2]

    def replica(self, words: list[str]) -> None:
        """`replica MEMBER … silent|[version=T.S] [known=T.S] [ready=no] [lag=S] [problem=TEXT]`."""
        said = [word for word in words if "=" in word or word == "silent"]
        for name in words[: len(words) - len(said)]:
            self.machine(name).replication.set(said)

    def no_tree(self, words: list[str]) -> None:
        """`no-tree MEMBER`: once its controllee has ended no new init can be raised there."""
        self.machine(words[0]).treeless = True

    def set_clock(self, words: list[str]) -> None:
        """`set-clock MEMBER TIME`: the wall clock, which no member reads."""
        self.world.say(words[0], f"its wall clock is set by {words[1]}")

    # -- the network -----------------------------------------------------------------------------

    def cut(self, words: list[str]) -> None:
        """`cut MEMBER …`: these from all others."""
        inside = [self.machine(name).name for name in words]
        pairs = permutations(self.world.names, 2)
        self.world.cut([pair for pair in pairs if (pair[0] in inside) != (pair[1] in inside)])

    def cut_link(self, words: list[str]) -> None:
        one, other = (self.machine(name).name for name in words)
        self.world.cut([(one, other), (other, one)])

    def one_way(self, words: list[str]) -> None:
        """`one-way A B`: nothing that A says reaches B; B still reaches A."""
        source, to = (self.machine(name).name for name in words)
        self.world.faults = replace(self.world.faults, one_way_streams=True)
        self.world.cut([(source, to)])

    def heal(self, _: list[str]) -> None:
        self.world.heal()

    def drop_notices(self, words: list[str]) -> None:
        for name in words:
            self.world.network.deaf[self.machine(name).name] = True

    def network(self, words: list[str]) -> None:
        """`network loss=0.05 delay=50ms`: from now on."""
        given = dict(word.split("=") for word in words)
        faults = self.world.faults
        loss = float(given.get("loss", faults.loss))
        delay = (1, millis(given["delay"])) if "delay" in given else faults.delay_ms
        self.world.faults = replace(faults, loss=loss, datagram_loss=loss, delay_ms=delay)

    # -- operators -------------------------------------------------------------------------------

    def handover(self, words: list[str]) -> None:
        """`handover LEADER [to MEMBER] [force]`."""
        self._commands += 1
        to = Name(words[words.index("to") + 1]) if "to" in words else None
        force = "force" in words
        self.machine(words[0]).command(Handover(self._commands, to, "an upgrade", force=force))

    def drain(self, words: list[str]) -> None:
        self._drain(words, drained=True)

    def undrain(self, words: list[str]) -> None:
        self._drain(words, drained=False)

    def _drain(self, words: list[str], *, drained: bool) -> None:
        self._commands += 1
        self.machine(words[0]).command(
            Drain(self._commands, drained, "maintenance", force="force" in words)
        )


COMMANDS: dict[str, Callable[[Script, list[str]], None]] = {
    method.__name__.replace("_", "-"): method
    for method in (
        Script.pool,
        Script.run,
        Script.status,
        Script.power_on,
        Script.power_off,
        Script.kill,
        Script.pause,
        Script.resume,
        Script.stop,
        Script.start,
        Script.wipe,
        Script.configure,
        Script.reload,
        Script.disk_full,
        Script.no_tree,
        Script.replica,
        Script.disk_works,
        Script.disk_stalls,
        Script.unkillable,
        Script.ignore_sigterm,
        Script.break_exec,
        Script.hang,
        Script.errand,
        Script.set_clock,
        Script.cut,
        Script.cut_link,
        Script.one_way,
        Script.heal,
        Script.drop_notices,
        Script.network,
        Script.handover,
        Script.drain,
        Script.undrain,
    )
}


def replay(text: str) -> str:
    """The script with every recorded answer replaced by what happened this time."""
    script = Script()
    out: list[str] = []
    for prose, command in blocks(text):
        out += prose
        if command:
            out += [command, RULE, *(script.obey(command) or ["(nothing)"]), ""]
    return "\n".join(out).rstrip() + "\n"


def blocks(text: str) -> Iterator[tuple[list[str], str]]:
    """Yield (comment lines, command); recorded answers are skipped."""
    prose: list[str] = []
    answer = False
    for line in [*text.splitlines(), ""]:
        if answer:
            answer = bool(line)
        elif line.startswith("#") or not line:
            prose.append(line)
        elif line == RULE:
            answer = True
        else:
            yield prose, line
            prose = []
    yield prose[:-1], ""


def difference(path: Path) -> str:
    """What the pool says today against what is recorded; empty = the same."""
    recorded = path.read_text()
    today = replay(recorded)
    lines = difflib.unified_diff(
        recorded.splitlines(), today.splitlines(), "recorded", "today", lineterm="", n=2
    )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m hadelect.sim.trace", description=__doc__)
    parser.add_argument("--record", action="store_true", help="write what it says today")
    parser.add_argument("files", nargs="+", type=Path)
    options = parser.parse_args()
    different = False
    for path in options.files:
        found = difference(path)
        different |= bool(found)
        if found:
            print(f"{path}:\n{found}\n")
        if options.record:
            path.write_text(replay(path.read_text()))
    return 0 if options.record else int(different)


if __name__ == "__main__":
    sys.exit(main())
