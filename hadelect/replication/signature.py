"""What stat says of an entry, in a form that is compared as a whole: has it changed since?"""

import os
import stat
import struct
import time

from hadelect.replication.manifest import Kind

# The kernel stamps files with a clock that may tick every 10 ms: a file that was changed this
# recently may change again without getting another time.
RECENT_NS = 20_000_000

_pack = struct.Struct("<qqqQIII").pack


def kind_of(found: os.stat_result) -> Kind | None:
    """None: a socket, a pipe, a device."""
    match stat.S_IFMT(found.st_mode):
        case stat.S_IFREG:
            return Kind.FILE
        case stat.S_IFDIR:
            return Kind.DIRECTORY
        case stat.S_IFLNK:
            return Kind.SYMLINK
        case _:
            return None


def signature(found: os.stat_result) -> bytes:
    """Of a directory: its mode and owner only, its names are looked at one by one."""
    mode, uid, gid = found.st_mode, found.st_uid, found.st_gid
    if stat.S_ISDIR(mode):
        return _pack(0, 0, 0, 0, mode, uid, gid)
    return _pack(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, mode, uid, gid)


def recent(found: os.stat_result) -> bool:
    """Whether its signature proves nothing yet."""
    if stat.S_ISDIR(found.st_mode):
        return False
    return found.st_ctime_ns > time.time_ns() - RECENT_NS
