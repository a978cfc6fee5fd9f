"""Fetch from directories of this machine."""
