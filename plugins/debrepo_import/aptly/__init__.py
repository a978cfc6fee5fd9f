"""What aptly keeps: its database, its pool and its configuration, read without changing them."""
