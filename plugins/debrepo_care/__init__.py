"""Care of the data: repair, numbers, export and import, and a new database from what is left."""
