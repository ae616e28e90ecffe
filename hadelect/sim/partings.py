"""Who can hear of whom, and since when: what excuses two trees in mode none.

1. Parted by the network: not even others have a link to both. Excused until `resolve_ms` after it.
2. Never greeted: a process that is stopped passes nothing on and greets nobody. Who would need it
   to hear of the other is as good as cut off; but only while that lasts, not after it.
3. Only their own link cut: others hear both and have to tell them. Excused for `resolve_ms` in all.
Law: 2 excuses no overlap that began after it was over, 3 nothing after the link has healed.
"""

from itertools import combinations
from typing import TYPE_CHECKING

from hadelect.core.vocabulary import Name

if TYPE_CHECKING:
    from hadelect.sim.init import Init
    from hadelect.sim.world import World

Pair = tuple[Name, Name]

NEVER = -(10**9)


class Since:
    """Pair -> when something that kept it from talking was over; None = it is not."""

    def __init__(self) -> None:
        self._over: dict[Pair, int | None] = {}

    def note(self, pair: Pair, now: int, *, holds: bool) -> None:
        if holds:
            self._over[pair] = None
        elif self._over.get(pair, NEVER) is None:
            self._over[pair] = now

    def over(self, pair: Pair) -> int | None:
        return self._over.get(pair, NEVER)

    def move(self, pair: Pair, now: int) -> None:
        """If it is over it is so since now."""
        if self.over(pair) is not None:
            self._over[pair] = now


class Partings:
    def __init__(self, world: "World") -> None:
        self._world = world
        self._apart = Since()
        self._ungreeted = Since()

    def note(self) -> None:
        """Links were cut or healed, processes came, went, were stopped or continued, or met."""
        world, network = self._world, self._world.network
        living = [name for name in world.names if world.machines[name].daemon]
        awake = [name for name in living if not world.machines[name].is_frozen]
        for one in world.names:
            linked = network.reach(one, living, network.is_whole)
            greeted = network.reach(one, awake, network.has_joined)
            for other in world.names:
                if one < other:
                    pair, now = (one, other), world.now
                    self._apart.note(pair, now, holds=other not in linked)
                    self._ungreeted.note(pair, now, holds=other not in greeted)

    def network_turned_kind(self) -> None:
        """Until now anything may have kept two machines from hearing each other."""
        for pair in combinations(sorted(self._world.names), 2):
            self._apart.move(pair, self._world.now)

    def excused_until(self, one: "Init", other: "Init") -> int | None:
        """From when on the two trees are told of each other; None = not yet."""
        pair = (one.name, other.name) if one.name < other.name else (other.name, one.name)
        began = max(one.since, other.since)
        until, ungreeted = self._apart.over(pair), self._ungreeted.over(pair)
        if until is None or ungreeted is None:
            return None
        if ungreeted >= began:
            until = max(until, ungreeted)
        return max(until, began) if self._world.network.is_cut(*pair) else until
