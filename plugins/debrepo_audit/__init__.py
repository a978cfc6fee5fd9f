"""The audit log: ``debrepo audit``."""
