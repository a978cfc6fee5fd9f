"""Pictures of what was made from what: ``debrepo graph``."""
