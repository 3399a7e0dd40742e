"""Crash points: the process dies at every single place where it touches the world."""
