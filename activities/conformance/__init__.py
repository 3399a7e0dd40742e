"""Checks whether a job system does what `docs/job-system.openapi.yaml` says, line by line.

The checks write to one job, and set back what they change. What cannot be set back stays: when the
job was assigned, and a job that is added and cancelled, with a note, a task and two Exceptions. So
they are for a test system in which nobody else is at work meanwhile.
"""

from activities.conformance.checks import CannotCheckError, Check, Result
from activities.conformance.suite import Conformance

__all__ = ["CannotCheckError", "Check", "Conformance", "Result"]
