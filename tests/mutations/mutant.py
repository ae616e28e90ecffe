"""What a mutant is, and how it is planted: one fault in an otherwise whole copy of the project.

A planted tree is links to the files of this one, but for the one file that has the fault. Whoever
runs in it (and every process that it starts) runs the mutant.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True, slots=True)
class Catcher:
    """The cheapest thing that must go wrong: a trace, days of the swarm, or a test."""

    kind: str  # story, aimed, explored or test.
    names: tuple[str, ...]  # Of traces; seeds; a depth; or node ids of pytest.

    def __str__(self) -> str:
        return f"{self.kind} {' '.join(self.names)}"


@dataclass(frozen=True, slots=True)
class Mutant:
    """One single fault. `text` stands exactly once in `file`."""

    name: str
    file: str
    text: str
    instead: str
    danger: str  # Why this must never be.
    caught_by: Catcher


def story(*names: str) -> Catcher:
    """These recorded traces differ."""
    return Catcher("story", names)


def aimed(first: int, count: int) -> Catcher:
    """One of these aimed days breaks a promise."""
    return Catcher("aimed", tuple(str(seed) for seed in range(first, first + count)))


def replicated(*seeds: int) -> Catcher:
    """One of these days with replication breaks a promise."""
    return Catcher("replicated", tuple(str(seed) for seed in seeds))


def explored(depth: int) -> Catcher:
    """A search through every order of so many events sees a law broken."""
    return Catcher("explored", (str(depth),))


def test(*names: str) -> Catcher:
    """One of these tests fails. Named `path::test`, below tests/."""
    return Catcher("test", tuple(f"tests/{name}" for name in names))


class StaleMutantError(Exception):
    """The text to be replaced is not there exactly once: the list must follow the code."""


def mutated(mutant: Mutant) -> str:
    """The source of the mutant's file, with the fault."""
    source = (ROOT / "hadelect" / mutant.file).read_text()
    found = source.count(mutant.text)
    if found != 1:
        raise StaleMutantError(
            f"{mutant.name}: the text stands {found} times in hadelect/{mutant.file}; if the code"
            f" has changed, change the text in tests/mutations, and look whether its guard is still"
            f" there:\n{mutant.text}"
        )
    return source.replace(mutant.text, mutant.instead)


def plant(mutant: Mutant, place: Path) -> None:
    """Make `place` the project with this one fault."""
    source = mutated(mutant)
    shutil.copy(ROOT / "pyproject.toml", place)
    shutil.copytree(ROOT / "tests", place / "tests", ignore=_no_cache, copy_function=os.symlink)
    package = place / "hadelect"
    target = Path(mutant.file)
    for depth in range(len(target.parts)):  # A folder on the way is real, all beside it is linked.
        folder = Path(*target.parts[:depth])
        (package / folder).mkdir()
        for entry in (ROOT / "hadelect" / folder).iterdir():
            if entry.name != target.parts[depth]:
                (package / folder / entry.name).symlink_to(entry)
    (package / target).write_text(source)


def _no_cache(_: str, names: list[str]) -> list[str]:
    return [name for name in names if name == "__pycache__"]
