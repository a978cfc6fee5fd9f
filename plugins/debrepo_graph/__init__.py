"""Drawings of package lists and publications: ``debrepo graph``."""
