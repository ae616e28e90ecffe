"""A machine's CLOCK_BOOTTIME: starts anywhere, runs a little too fast or too slow.

Law: two clocks of one pool differ by at most 1 % in rate (the allowance that promises carry), so
every rate lies within +-MAX_DRIFT_PPM of true time. Whole milliseconds, rounded down.
"""

from hadelect.core.vocabulary import Millis

MILLION = 1_000_000
MAX_DRIFT_PPM = 4_900  # (1 + 0.0049) / (1 - 0.0049) < 1.01.


class BootClock:
    """`true_now` in the arguments is the world's virtual time."""

    def __init__(self, true_now: int, reading: int, drift_ppm: int = 0) -> None:
        self._since = true_now
        self._reading = reading
        self._rate = MILLION + drift_ppm

    def read(self, true_now: int) -> Millis:
        """What this clock shows at a true instant."""
        return Millis(self._reading + (true_now - self._since) * self._rate // MILLION)

    def when(self, reading: int) -> int:
        """The first true instant at which this clock shows at least `reading`."""
        return self._since - (self._reading - reading) * MILLION // self._rate

    def drift(self, true_now: int, drift_ppm: int) -> None:
        """From now on run at another rate; the reading does not jump."""
        self._reading = self.read(true_now)
        self._since = true_now
        self._rate = MILLION + drift_ppm
