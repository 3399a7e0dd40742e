"""Composition: settings, clients, the worker and the embedded stack."""
