"""Steward's own database: what is written, what is read, and its schema."""
