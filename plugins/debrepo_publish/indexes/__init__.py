"""Indexes: rendered and compressed fragment by fragment."""
