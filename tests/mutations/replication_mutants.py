"""Single faults of hadelect/core/replication; the referees of the simulator catch them."""

from tests.mutations.mutant import Mutant, replicated

DAYS = replicated(0, 1, 2, 3, 4, 5, 6, 7)

REPLICATION = (
    Mutant(
        "a line that lost is not kept aside",
        "core/replication/lines.py",
        "    if not contains(line, mine):\n",
        "    if mine is None:\n",
        "what one side of a split brain wrote is nowhere any more",
        DAYS,
    ),
    Mutant(
        "a flush is confirmed by nobody",
        "core/replication/flushing.py",
        "    if state.held is None or wanted in holders or (wanted is None and holders):\n",
        "    if state.held is None or state.held:\n",
        "the successor starts without what the old leader wrote last",
        DAYS,
    ),
    Mutant(
        "whoever holds something is good enough",
        "core/replication/lines.py",
        "        if newer(theirs.version, mine):\n",
        "        if mine is None:\n",
        "copies never follow their leader",
        DAYS,
    ),
)
