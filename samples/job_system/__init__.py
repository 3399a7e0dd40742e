"""A job system to try Steward with: it holds jobs, sends hooks, takes what Steward asks and tells.

It speaks `docs/job-system.openapi.yaml` and shares no code with Steward, as a real one would not.
"""
