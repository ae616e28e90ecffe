"""What can go wrong with the state on disk, each by the name of what its caller does about it."""


class StoreError(Exception):
    """The files or the store cannot be used: one line with the path and the remedy."""


class UnstableError(StoreError):
    """The files were written to all the while; nothing was taken, try again later."""


class EmptyStateError(StoreError):
    """The live files are missing or empty where the record says that they existed."""


class LockedError(StoreError):
    """A controllee runs (state.lock is held): nothing is installed under it."""


class GoneError(StoreError):
    """The store does not have this version (any more)."""
