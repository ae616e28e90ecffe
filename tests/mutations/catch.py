"""Run one catcher in this process, against whatever `hadelect` is in the current directory.

`python catch.py KIND NAME…`: exit code 0 = nothing went wrong, 1 = caught, 2 = no such catcher.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path.cwd()))


def differs(name: str) -> str:
    """How a recorded trace differs from what happens."""
    from hadelect.sim.trace import difference  # noqa: PLC0415 - only what this catcher needs

    return difference(Path("tests") / "traces" / f"{name}.trace")


def breaks(seed: str, kind: str) -> str:
    """Which promise this day breaks."""
    from hadelect.sim.referees import BrokenPromise  # noqa: PLC0415
    from hadelect.sim.swarm import bad_day  # noqa: PLC0415

    try:
        bad_day(int(seed), kind=kind)
    except BrokenPromise as broken:
        return f"seed {seed}: {broken}"
    return ""


def breaks_replicating(seed: str) -> str:
    """Which promise a day with replication breaks."""
    from hadelect.sim.referees import BrokenPromise  # noqa: PLC0415
    from hadelect.sim.swarm import bad_day  # noqa: PLC0415
    from hadelect.sim.world import REPLICATING  # noqa: PLC0415

    try:
        bad_day(int(seed), REPLICATING)
    except BrokenPromise as broken:
        return f"seed {seed}: {broken}"
    return ""


def finds(depth: str) -> str:
    """Which law an exhaustive search to this depth sees broken, in either pool."""
    from hadelect.sim.explore import POOLS, search  # noqa: PLC0415

    found = (search(pool, int(depth), 60.0) for pool in POOLS)
    return next(filter(None, (each.violation for each in found)), "")


def fails(names: list[str]) -> str:
    import pytest  # noqa: PLC0415

    calm = ("cacheprovider", "xdist", "cov")
    options = [word for name in calm for word in ("-p", f"no:{name}")]
    code = pytest.main([*options, "-q", "-x", "--no-header", "--tb=line", "--timeout=60", *names])
    if code not in (0, 1):
        print(f"pytest ended with {code}: is the test still there?", file=sys.stderr)
        sys.exit(2)
    return "" if code == 0 else "a test failed"


def caught(kind: str, names: list[str]) -> str:
    """What went wrong; empty = nothing."""
    match kind:
        case "story":
            return next(filter(None, map(differs, names)), "")
        case "aimed":
            return next(filter(None, (breaks(name, kind) for name in names)), "")
        case "replicated":
            return next(filter(None, map(breaks_replicating, names)), "")
        case "explored":
            return next(filter(None, map(finds, names)), "")
        case "test":
            return fails(names)
    sys.exit(2)


if __name__ == "__main__":
    os.environ["PYTHONPATH"] = str(Path.cwd())
    what = caught(sys.argv[1], sys.argv[2:])
    print(what)
    sys.exit(1 if what else 0)
