"""What is odd about the policy, in the log of each part that starts with it."""

from __future__ import annotations

import structlog

from domain.policy import Policy, policy_warnings

log = structlog.get_logger()


def log_policy_warnings(policy: Policy) -> None:
    """Warn of each setting that only the company knows and that the policy leaves as built in."""
    for warning in policy_warnings(policy):
        log.warning("policy setting is a placeholder", **warning._asdict())
