"""Publish to WebDAV servers."""
