"""Adopting: a published archive of another tool, taken over without a client noticing."""
