"""The two clocks: the one that decides, and the one that people read."""

import time
from datetime import UTC, datetime

from hadelect.core.vocabulary import Millis


def boottime_ms() -> Millis:
    """Whole milliseconds of CLOCK_BOOTTIME, rounded down: the only clock that decides."""
    return Millis(time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000)


def wall_clock() -> str:
    """UTC with milliseconds, for people only: 2026-01-01T00:00:00.000Z."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
