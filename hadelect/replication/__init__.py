"""The replication daemon: the controllee's state, whole and newest, on every member.

What is offered, fetched and installed is decided in hadelect/core/replication; here it is done.
"""
