"""The database on SQLite and on PostgreSQL, with the same expectations."""
