"""Back up the database, the pool and the keys, and restore them."""
