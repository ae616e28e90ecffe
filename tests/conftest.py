"""What holds for every test: in CI a test in tests/e2e that is skipped has failed."""

import os
import signal

import pytest
from hypothesis import settings

_skipped: list[str] = []


def _in_ci() -> bool:
    return os.environ.get("CI", "").lower() in {"1", "true", "yes"}


def _is_e2e(nodeid: str) -> bool:
    return nodeid.startswith("tests/e2e/")


def pytest_configure() -> None:
    """A busy machine is no failure of a property. Who starts us in the background may have SIGINT
    ignored, and our children would inherit it: Ctrl-C is part of what is tested.
    """
    if not _in_ci():  # There Hypothesis has a profile of its own, without deadlines too.
        settings.register_profile("busy", deadline=None)
        settings.load_profile("busy")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Sees the reports of xdist's workers too: they are replayed in the session that prints."""
    if report.skipped and not hasattr(report, "wasxfail") and _is_e2e(report.nodeid):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        _skipped.append(f"{report.nodeid}: {reason}")


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """A whole file may be skipped while it is collected."""
    if report.skipped and _is_e2e(report.nodeid):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        _skipped.append(f"{report.nodeid}: {reason}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _skipped and _in_ci():
        terminalreporter.section(
            "skipped in CI, where nothing of tests/e2e may be skipped", red=True
        )
        for line in _skipped:
            terminalreporter.line(line)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if (
        _skipped
        and _in_ci()
        and session.exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}
    ):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
