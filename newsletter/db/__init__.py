"""The database: engine, tables, migrations, and every set-based statement as a named function."""
