"""Notifications: webhooks and commands that are told of what happens, from a durable queue."""
