"""What a version is made of: entries, their blocks, and the digests over them.

Law 1: names are bytes, relative to their root, and never lead out of it (`checked`).
Law 2: the digest of a set says all that a scheduler can tell apart (names, kinds, modes, owners,
       sizes, targets, contents) and nothing else (no inodes, no order of arrival). Times are
       replicated beside it: two versions may differ in them alone.
Law 3: of a file that both sides know, only the blocks that differ are named.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from blake3 import blake3

BLOCK = 64 * 1024  # Bytes; the last block of a file is shorter.
DIGEST = 32  # Bytes of a BLAKE3 digest.
BUCKETS = 256  # A change re-hashes the entries of one bucket only.
RUN = 16  # Blocks of one BlockRef at most: 1 MiB.
PART = 2048  # Blocks named by one EntryChange at most: 64 KiB of digests, 128 MiB of a file.

MAX_PATH = 4096 - 256  # Bytes: what the system takes, less the path of the root itself.
MAX_NAME = 255
MAX_TARGET = 4095
MAX_SIZE = 1 << 47  # 128 TiB
MAX_ID = (1 << 32) - 2  # uid, gid; the last one means "nobody asked".


class Refused(Exception):
    """A peer's manifest or block is not what it must be; nothing of it was installed."""


class Kind(IntEnum):
    """The numbers of the wire."""

    FILE = 1
    DIRECTORY = 2
    SYMLINK = 3
    GONE = 4  # In the base, not in the version.


@dataclass(frozen=True, slots=True)
class EntryChange:
    """An entry of a version that is not the same in its base, or (GONE) only in its base.

    A file names the blocks that differ from those of the same file in the base (all of them if the
    base has no such file): `blocks` are the digests of the blocks `first`, `first` + 1 ... A file
    whose blocks do not fit, or do not follow one another, takes several changes: all but the last
    say `more`, all have the same header, and `first` ascends.
    """

    root: int  # Index in STATE_FILE.
    path: bytes  # Relative to the root, components separated by /; b"": the root itself.
    kind: Kind
    mode: int = 0  # Permission bits, with setuid, setgid and sticky.
    uid: int = 0
    gid: int = 0
    size: int = 0  # Bytes, of a file.
    mtime_ns: int = 0  # Of a file.
    target: bytes = b""  # Of a symbolic link.
    first: int = 0
    blocks: bytes = b""  # 32 bytes each.
    more: bool = False


@dataclass(frozen=True, slots=True)
class BlockRef:
    """`count` (1 to 16) consecutive blocks of one file: at most 1 MiB, read and sent as one."""

    root: int
    path: bytes
    index: int  # Of the first block.
    count: int = 1


def blocks_of(size: int) -> int:
    """How many blocks a file of this size has."""
    return -(-size // BLOCK)


def length_of(ref: BlockRef, size: int) -> int:
    """Bytes of the blocks of `ref` in a file of `size` bytes."""
    return min(size, (ref.index + ref.count) * BLOCK) - ref.index * BLOCK


def digest_of(block: bytes | memoryview) -> bytes:
    return blake3(block).digest()


def digests_of(data: bytes | memoryview) -> bytes:
    """The digests of the blocks of this piece of a file, which begins where a block begins."""
    view = memoryview(data)
    return b"".join(
        [blake3(view[at : at + BLOCK]).digest() for at in range(0, len(view), BLOCK)],
    )


def bucket_of(root: int, path: bytes) -> int:
    return blake3(b"%d\0%b" % (root, path)).digest(1)[0]


def header_hash(change: EntryChange) -> blake3:
    """The digest of an entry is this, updated with all digests of its content."""
    header = f"{change.root} {change.kind.value} {change.mode} {change.uid} {change.gid} "
    lengths = f"{change.size} {len(change.path)} {len(change.target)}\0"
    return blake3((header + lengths).encode() + change.path + change.target)


def bucket_digest(entries: Iterable[bytes]) -> bytes:
    """Of the digests of one bucket's entries, in ascending order."""
    return blake3(b"".join(entries)).digest()


def set_digest(buckets: bytes) -> str:
    """Of the set: over its 256 bucket digests; hex."""
    return blake3(buckets).hexdigest()


def checked(change: EntryChange, roots: int) -> EntryChange:
    """The same, if it can be an entry of a set of so many roots. Raises Refused."""
    why = _wrong(change, roots)
    if why:
        raise Refused(f"entry {change.path[:200]!r} of root {change.root}: {why}")
    return change


def _wrong(change: EntryChange, roots: int) -> str:
    if not 0 <= change.root < roots:
        return f"there are {roots} roots here: is STATE_FILE the same on all members?"
    if why := _wrong_path(change.path):
        return why
    if change.kind is Kind.SYMLINK:
        if not change.path:
            return "a root is a file or a directory, never a symbolic link"
        if not 0 < len(change.target) <= MAX_TARGET or b"\0" in change.target:
            return "its target is none"
    elif change.target:
        return "only a symbolic link has a target"
    if not 0 <= change.mode <= 0o7777:
        return f"mode {change.mode:o}"
    if not (0 <= change.uid <= MAX_ID and 0 <= change.gid <= MAX_ID):
        return f"owner {change.uid}:{change.gid}"
    if not -(1 << 63) <= change.mtime_ns < 1 << 63:
        return "its time of modification is none"
    return _wrong_blocks(change)


def _wrong_path(path: bytes) -> str:
    if not path:
        return ""
    if len(path) > MAX_PATH:
        return f"a path of {len(path)} bytes, {MAX_PATH} are allowed"
    for component in path.split(b"/"):
        if component in {b"", b".", b".."} or b"\0" in component or len(component) > MAX_NAME:
            return f"{component[:80]!r} is no name"
    return ""


def _wrong_blocks(change: EntryChange) -> str:
    if change.kind is not Kind.FILE:
        return "only a file has blocks" if change.size or change.blocks or change.more else ""
    if not 0 <= change.size <= MAX_SIZE:
        return f"a size of {change.size} bytes, {MAX_SIZE} are allowed"
    count, rest = divmod(len(change.blocks), DIGEST)
    if rest or count > PART:
        return f"{len(change.blocks)} bytes of digests, at most {PART} x {DIGEST} are allowed"
    if change.first < 0 or change.first + count > blocks_of(change.size):
        return "it names blocks behind its end"
    return "it says that more follows and names nothing" if change.more and not count else ""
