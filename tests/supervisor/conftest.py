import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.supervisor.harness import Had
from tests.supervisor.outside import GUARDS, Pair, needs_cgroup, pair


@pytest.fixture
def had(tmp_path: Path) -> Iterator[Had]:
    """A supervisor that has just been started."""
    with Had(tmp_path / "state") as started:
        yield started


@pytest.fixture(autouse=True)
def _root(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("root") and os.geteuid() != 0:
        pytest.skip("needs root: users and cgroups are changed")


@pytest.fixture(params=GUARDS)
def two(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pair]:
    """A supervisor and another manager; the sure way is the unit's cgroup, or the KILL command."""
    with pair(tmp_path, str(request.param)) as both:
        yield both


@pytest.fixture(params=[pytest.param("unit", marks=needs_cgroup)])
def with_unit(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pair]:
    with pair(tmp_path, str(request.param)) as both:
        yield both


@pytest.fixture
def with_kill(tmp_path: Path) -> Iterator[Pair]:
    with pair(tmp_path, "kill") as both:
        yield both
