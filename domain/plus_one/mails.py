"""The e-mails about a job that PlusOne has: when each is worth sending."""

from __future__ import annotations

from domain.plus_one.case import REPAIRING, Stage


def with_a_point_in(template: str) -> frozenset[str]:
    """Return the stages in which a mail that has not left is still to be sent.

    A note on the repair has none once PlusOne has the job no more, nor has what it is to instruct
    the customer of once the job is its own again.
    """
    if template == "plusone_send_instructions":
        return frozenset({Stage.NO_PROVIDER_FOUND})
    if template == "plusone_reminder":
        return REPAIRING
    return Stage.running() | {Stage.COMPLETED}
