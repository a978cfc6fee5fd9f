"""Retention: old versions leave repositories, by a plan that people can read first."""
