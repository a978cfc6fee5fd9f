"""Pages for people who would rather look: ``debrepo serve`` in a browser."""
