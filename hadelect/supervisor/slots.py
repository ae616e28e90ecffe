"""Two slots of one preallocated file: whatever is interrupted, one of them is whole.

Law 1: a write goes to the slot that does not hold the newest whole content, and has happened once
       fdatasync said so. A write that failed is repeated into the same slot.
Law 2: a slot is whole or it is nothing: sequence number and content are under one checksum.
Law 3: where no slot is whole, nothing is guessed.
Law 4: a full disk keeps nobody from writing: the file has its room from the beginning.
"""

from __future__ import annotations

import hashlib
import os
import struct

SLOT_BYTES = 4096
SLOTS = 2
_HEADER = struct.Struct(">8sQI32s")
_MAGIC = b"HADELECT"
ROOM = SLOT_BYTES - _HEADER.size


class Slot:
    __slots__ = ("content", "sequence")

    def __init__(self, sequence: int, content: bytes) -> None:
        self.sequence = sequence
        self.content = content


class Read:
    """What the file holds: the newest whole slot, and whether the other one was damaged."""

    __slots__ = ("newest", "torn")

    def __init__(self, newest: Slot | None, *, torn: bool) -> None:
        self.newest = newest
        self.torn = torn


def pack(slot: Slot) -> bytes:
    """One slot, padded. The content must fit into ROOM."""
    head = _HEADER.pack(_MAGIC, slot.sequence, len(slot.content), _checksum(slot))
    return (head + slot.content).ljust(SLOT_BYTES, b"\0")


def read(fd: int) -> Read:
    """Raises OSError."""
    raw = [os.pread(fd, SLOT_BYTES, index * SLOT_BYTES) for index in range(SLOTS)]
    whole = [slot for slot in map(_unpack, raw) if slot is not None]
    unused = sum(len(block) == SLOT_BYTES and not any(block) for block in raw)
    newest = max(whole, key=lambda slot: slot.sequence, default=None)
    return Read(newest, torn=len(whole) + unused < SLOTS)


def create(path: str, content: bytes) -> None:
    """Room for both slots, and the first content: durable before it has its name."""
    fd = os.open(f"{path}.new", os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
    try:
        os.write(fd, bytes(SLOTS * SLOT_BYTES))
        write(fd, Slot(0, content))
    finally:
        os.close(fd)
    os.replace(f"{path}.new", path)
    directory = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def write(fd: int, slot: Slot) -> None:
    """Durable when it returns. Raises OSError."""
    put(fd, slot)
    os.fdatasync(fd)


def put(fd: int, slot: Slot) -> None:
    """In the file for whoever reads it in this boot. Raises OSError."""
    data = pack(slot)
    written = os.pwrite(fd, data, slot.sequence % SLOTS * SLOT_BYTES)
    if written != len(data):
        raise OSError(f"only {written} of {len(data)} bytes were written")


def _unpack(block: bytes) -> Slot | None:
    if len(block) < SLOT_BYTES:
        return None
    magic, sequence, length, checksum = _HEADER.unpack_from(block)
    if magic != _MAGIC or length > ROOM:
        return None
    slot = Slot(sequence, block[_HEADER.size : _HEADER.size + length])
    return slot if checksum == _checksum(slot) else None


def _checksum(slot: Slot) -> bytes:
    return hashlib.sha256(slot.sequence.to_bytes(8, "big") + slot.content).digest()
