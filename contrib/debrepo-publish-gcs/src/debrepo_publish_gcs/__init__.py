"""Publish to Google Cloud Storage."""
