"""Labs for the stories. Without root and namespaces they are skipped: in CI that is a failure."""

from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from tests.e2e import disks, lan
from tests.e2e.lab import STORY, Lab, Pool
from tests.e2e.replicas import Replicas


@pytest.fixture(scope="session", autouse=True)
def network() -> Iterator[None]:
    """The means to build networks; what crashed runs left is removed before and after."""
    if reason := lan.unavailable():
        pytest.skip(reason)
    disks.sweep()  # First: nobody leaves a namespace who waits for a frozen disk.
    lan.sweep()
    yield
    disks.sweep()
    lan.sweep()


@pytest.fixture(params=["none", "majority"])
def mode(request: pytest.FixtureRequest) -> str:
    """HAD_ARBITRATION: HTCondor's semantics, or votes and leases."""
    return str(request.param)


@pytest.fixture
def build(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[Pool], Lab]]:
    """Builds this test's lab; nothing is started in it yet."""
    built: list[Lab] = []

    def make(pool: Pool) -> Lab:
        lab = Lab(tmp_path / f"lab{len(built)}", pool)
        built.append(lab)
        request.node.stash[STORY] = lab.story
        return lab

    yield make
    for lab in built:
        lab.close()


@pytest.fixture
def replicated(build: Callable[[Pool], Lab]) -> Callable[..., Replicas]:
    """Builds a lab whose scheduler keeps jobs: its mode, and configuration besides."""

    def make(mode: str, **more: object) -> Replicas:
        return Replicas(build(Pool(mode, manner="keeps_jobs")), **more)

    return make


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed story is told from the journal and the logs of all hosts."""
    report = yield
    story = item.stash.get(STORY, None)
    if story is not None and call.when == "call" and call.excinfo is not None:
        report.sections.append(("the story", story()))
    return report
