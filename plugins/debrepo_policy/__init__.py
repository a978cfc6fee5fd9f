"""Acceptance rules: ``debrepo policy``, and what keeps packages out of lists and publications."""
