"""Overrides: fields that a list gives its packages, whatever they say themselves."""
