"""Publish to Azure."""
