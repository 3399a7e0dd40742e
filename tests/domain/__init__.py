"""The rules as tables and properties, with no server and no database."""
