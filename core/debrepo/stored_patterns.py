"""Stored patterns: compiled regular expressions, kept behind the code of this module.

Nothing imports it; see `debrepo.stored_modules`, which is for code, and `debrepo.known_patterns`.
"""
