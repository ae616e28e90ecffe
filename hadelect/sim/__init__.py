"""A pool in one thread: the real core in a pretend world, everything from one seed."""
