"""The one e-mail of a conference call, with the provider's details for the customer."""

from __future__ import annotations

from domain.effects import MailFate, OpenTask
from domain.reassignment.tasks import Task
from domain.roles import Role


def undelivered(_: str, fate: MailFate) -> OpenTask:
    """Return the task to give the customer the provider's details by phone."""
    return OpenTask(
        role=Role.CUSTOMER_SERVICE,
        task=Task.TELL_CUSTOMER.value,
        text="Call the customer and give them the provider's name and number. The e-mail "
        f"with both {fate.reached} them (CONF-34).",
    )
