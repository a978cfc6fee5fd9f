"""Publishing: ``debrepo publish``."""
