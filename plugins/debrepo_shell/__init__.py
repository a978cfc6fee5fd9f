"""Shell completion and manual pages: ``debrepo completion``, ``debrepo man``."""
