"""Adapters: one act on one outside system each, safe to do twice."""
