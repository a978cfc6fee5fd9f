"""What a shell and a reader of manuals want: ``debrepo completion``, ``debrepo man``."""
