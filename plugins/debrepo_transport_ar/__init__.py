"""Fetch from Google Artifact Registry."""
