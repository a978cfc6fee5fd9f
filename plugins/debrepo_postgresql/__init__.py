"""Keep the database in PostgreSQL, for several machines."""
