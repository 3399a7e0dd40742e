"""Keeps the store and Temporal in agreement, whichever way a request comes in."""
