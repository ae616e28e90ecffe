"""How many descriptors the daemon may open: all that it is allowed.

systemd's soft limit of 1024 is for programs that use select(); a thousand watchers are more. What
the daemon starts gets the limit that we were given; the controllee is no child of the daemon's.
"""

from __future__ import annotations

import resource
from contextlib import contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

ENOUGH = 65_536  # Some hard limits are a billion, and closing so many one by one takes minutes.

_given: list[int] = []  # The soft limit before it was raised.


def raise_limit() -> None:
    """Up to the hard limit, at most ENOUGH; never down."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        _given.append(soft)


@contextmanager
def as_given() -> Iterator[None]:
    """What is started in here gets the soft limit that we were started with."""
    if not _given:
        yield
        return
    raised, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (_given[0], hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
