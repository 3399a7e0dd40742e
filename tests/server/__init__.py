"""Hooks, commands and reads over HTTP, and the processes that serve them."""
