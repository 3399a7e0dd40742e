"""The ways in: hooks, commands and reads over HTTP, the command line."""
