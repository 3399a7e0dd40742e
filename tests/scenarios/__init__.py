"""Whole lifecycles on a real Temporal server, told like the procedure."""
