"""The engine: from a plan to a live generation."""
