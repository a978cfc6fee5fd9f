"""The model: what is published, and how it is described."""
