"""Publish to directories."""
