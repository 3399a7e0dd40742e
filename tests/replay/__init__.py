"""Recorded histories, replayed against today's workflow code."""
