"""Checking: what is served, compared with what should be."""
