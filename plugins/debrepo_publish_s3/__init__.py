"""Publish to S3 and compatible services."""
