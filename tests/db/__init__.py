"""Facts about the database: migrations with rows in it."""
