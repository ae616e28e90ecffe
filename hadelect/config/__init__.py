"""Turns files, environment and --set into one frozen, checked Config."""
