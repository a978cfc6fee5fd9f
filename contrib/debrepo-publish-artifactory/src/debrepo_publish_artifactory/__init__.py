"""Publish to Artifactory."""
