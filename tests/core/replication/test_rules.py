"""What a replication daemon knows of its pool."""

from hadelect.core.replication.rules import ReplicationRules
from hadelect.core.versions import Version
from hadelect.core.vocabulary import Name, Term, next_term

POOL = tuple(Name(f"cm{number}") for number in range(1, 10))


def test_a_version_names_who_wrote_it() -> None:
    """Of all members exactly the one that could win its term, at every height."""
    for above in (0, 1, 63, 64, 65, 4_000):
        for position, winner in enumerate(POOL):
            version = Version(next_term(Term(above), position), 7, "aa")
            wrote = [me for me in POOL if ReplicationRules(me, POOL).wrote(version)]
            assert wrote == [winner]
