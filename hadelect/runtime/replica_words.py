"""What a member says of its copy of the state, from the core's words to protobuf and back.

The same words travel in standings and votes between members, and from a replication daemon to the
HAD beside it. Law: every number within its bounds, every digest one, every text printable; what is
not is a ProtocolError.
"""

from hadelect.core.versions import Replica, Version
from hadelect.core.vocabulary import Millis, Term
from hadelect.pb import replication_pb2 as pb
from hadelect.runtime.bounds import MAX_NUMBER, MAX_WORDS, ProtocolError, bounded, digits, words


def put(replica: Replica) -> pb.Replica:
    return pb.Replica(
        version=put_version(replica.version),
        known=put_version(replica.known),
        ready=replica.ready,
        lag_ms=min(replica.lag_ms, MAX_NUMBER),
        problem=replica.problem[:MAX_WORDS],
    )


def put_version(version: Version | None) -> pb.Version | None:
    if version is None:
        return None
    return pb.Version(term=version.term, sequence=version.sequence, digest=version.digest)


def take(said: pb.Replica) -> Replica:
    """Raises ProtocolError."""
    return Replica(
        version=take_version(said.version) if said.HasField("version") else None,
        known=take_version(said.known) if said.HasField("known") else None,
        ready=said.ready,
        lag_ms=Millis(bounded(said.lag_ms, "lag_ms", MAX_NUMBER)),
        problem=words(said.problem, "problem"),
    )


def take_version(said: pb.Version) -> Version:
    """Raises ProtocolError."""
    if not said.digest or not said.sequence:
        raise ProtocolError("version: sequence and digest are needed")
    return Version(
        Term(bounded(said.term, "term of a version", MAX_NUMBER)),
        bounded(said.sequence, "sequence of a version", MAX_NUMBER),
        digits(said.digest, "digest of a version"),
    )
