"""Archives of reprepro: read from its own files, while it goes on using them."""
