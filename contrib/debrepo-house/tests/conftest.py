"""Fixtures of debrepo, and of its server."""

pytest_plugins = ["debrepo.testing.fixtures", "debrepo_server.testing"]
