"""hadelect: keeps exactly one scheduler running on one of a few central managers."""

__version__ = "0.1.0"
