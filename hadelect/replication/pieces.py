"""Entries and blocks of a version, as they travel. A peer's are checked here or in the store.

Law: nothing that is unpacked is larger than what was asked for, whatever the packed form says.
"""

from collections.abc import Iterable, Iterator, Sequence

import zstandard

from hadelect.pb import replication_pb2 as pb
from hadelect.replication.manifest import BLOCK, RUN, BlockRef, EntryChange, Kind, Refused

PART_BYTES = 1 << 20  # About what one message carries.
LEVEL = 1  # Of zstd: faster than most disks and networks.


def put_entry(change: EntryChange) -> pb.EntryChange:
    return pb.EntryChange(
        root=change.root,
        path=change.path,
        kind=change.kind.value,  # type: ignore[arg-type]  # Its numbers are the wire's.
        mode=change.mode,
        uid=change.uid,
        gid=change.gid,
        size=change.size,
        mtime_ns=change.mtime_ns,
        target=change.target,
        first=change.first,
        blocks=change.blocks,
        more=change.more,
    )


def take_entry(said: pb.EntryChange) -> EntryChange:
    """Its form only: what it may be is the store's to judge. Raises Refused."""
    try:
        kind = Kind(said.kind)
    except ValueError:
        raise Refused(f"entry {said.path[:200]!r}: kind {said.kind}") from None
    return EntryChange(
        root=said.root,
        path=said.path,
        kind=kind,
        mode=said.mode,
        uid=said.uid,
        gid=said.gid,
        size=said.size,
        mtime_ns=said.mtime_ns,
        target=said.target,
        first=said.first,
        blocks=said.blocks,
        more=said.more,
    )


def put_ref(ref: BlockRef) -> pb.BlockRef:
    return pb.BlockRef(root=ref.root, path=ref.path, index=ref.index, count=ref.count)


def take_ref(said: pb.BlockRef) -> BlockRef:
    """Raises Refused."""
    if not 1 <= said.count <= RUN:
        raise Refused(f"{said.count} blocks at once; 1 to {RUN} are allowed")
    return BlockRef(said.root, said.path, said.index, said.count)


def weight(changes: Iterable[EntryChange]) -> int:
    """About how many bytes they take in a message."""
    return sum(64 + len(c.path) + len(c.blocks) + len(c.target) for c in changes)


def put_pieces(pieces: Sequence[bytes], *, packed: bool) -> pb.BlocksPart:
    """Packed only if that makes them smaller."""
    if packed:
        whole = b"".join(pieces)
        small = zstandard.ZstdCompressor(level=LEVEL).compress(whole)
        if len(small) < len(whole):
            return pb.BlocksPart(packed=small, sizes=[len(piece) for piece in pieces])
    return pb.BlocksPart(pieces=pieces)


def take_pieces(part: pb.BlocksPart, asked: Sequence[BlockRef]) -> Sequence[bytes]:
    """As many pieces as there are, for the first of `asked`. Raises Refused."""
    if not part.packed:
        pieces: Sequence[bytes] = part.pieces
    else:
        pieces = list(_unpacked(part, asked))
    if not pieces:
        raise Refused("a message without blocks")
    if len(pieces) > len(asked):
        raise Refused(f"{len(pieces)} pieces where {len(asked)} were asked for")
    for piece, ref in zip(pieces, asked, strict=False):
        if len(piece) > ref.count * BLOCK:
            raise Refused(f"{len(piece)} bytes for {ref.count} blocks of {ref.path[:200]!r}")
    return pieces


def _unpacked(part: pb.BlocksPart, asked: Sequence[BlockRef]) -> Iterator[bytes]:
    total = sum(part.sizes)
    allowed = sum(ref.count for ref in asked[: len(part.sizes)]) * BLOCK
    if total > allowed:
        raise Refused(f"{total} bytes are said to be packed, {allowed} at most were asked for")
    try:
        frame = zstandard.get_frame_parameters(part.packed)
        if frame.content_size != total:
            raise Refused("what is packed is not as long as it is said to be")
        whole = zstandard.ZstdDecompressor().decompress(part.packed, max_output_size=total)
    except zstandard.ZstdError as error:
        raise Refused(f"what is packed cannot be unpacked: {error}") from None
    if len(whole) != total:
        raise Refused("what is packed is not as long as it is said to be")
    at = 0
    for size in part.sizes:
        yield whole[at : at + size]
        at += size
