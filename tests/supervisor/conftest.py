import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.supervisor.harness import Had


@pytest.fixture
def had(tmp_path: Path) -> Iterator[Had]:
    """A supervisor that has just been started."""
    with Had(tmp_path / "state") as started:
        yield started


@pytest.fixture(autouse=True)
def _root(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("root") and os.geteuid() != 0:
        pytest.skip("needs root: users and cgroups are changed")
