"""What a store works on: its catalog, its roots, its packs."""

from collections.abc import Iterable
from dataclasses import dataclass

from hadelect.replication.catalog import Catalog
from hadelect.replication.packs import Packs
from hadelect.replication.patrol import Patrol
from hadelect.replication.reading import Reader
from hadelect.replication.shadow import Shadow
from hadelect.replication.tree import Root


@dataclass(frozen=True, slots=True)
class Stock:
    catalog: Catalog
    roots: list[Root]
    packs: Packs
    reader: Reader
    patrol: Patrol

    def abandon(self, number: int) -> None:
        """An unfinished version is given up; what it did to the shadow is doubted."""
        with self.catalog.change():
            Shadow(self.catalog, self.roots, number).doubt_all_of_it()
            self.catalog.erase(number)

    def tidy(self, keep: int, pinned: Iterable[int]) -> None:
        """Forget the versions before the `keep` newest, unless one is pinned or on disk now."""
        numbers = [taken.id for taken in self.catalog.versions()]
        oldest = min([*numbers[:keep], *pinned, *self._sides()], default=0)
        if not numbers or numbers[-1] >= oldest:
            return
        with self.catalog.change():
            self.catalog.drop_before(oldest)
        for number in self.packs.numbers():
            if number <= oldest:
                self.packs.drop(number)

    def _sides(self) -> list[int]:
        sides = (self.catalog.version_of(0), self.catalog.version_of(1))
        return [number for number in sides if number]

    def close(self) -> None:
        self.reader.forget()
        self.packs.close()
        for root in self.roots:
            root.close()
        self.catalog.close()
