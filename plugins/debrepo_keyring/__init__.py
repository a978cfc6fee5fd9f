"""Keyrings of clients: keys that take the place of others, and packages that bring them."""
