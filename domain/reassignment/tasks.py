"""What a conference call asks people to do."""

from __future__ import annotations

from domain.tasks import ANOTHER_HAS_IT, JobChange, Lasts, TaskKind

_SETTLED_OTHERWISE = ANOTHER_HAS_IT | {JobChange.SCHEDULED}


class Task(TaskKind):
    """The kinds of tasks, and how long each lasts."""

    DECIDE_TRAVEL_FEE = (
        "decide_travel_fee",
        Lasts.WAIT,
        ("approve_travel_fee", "decline_travel_fee"),
    )
    """Approve or decline the travel fee that a provider asks for."""
    DECIDE_FOR_URGENT_CUSTOMER = (
        "decide_for_urgent_customer",
        Lasts.WAIT,
        ("supervisor_decision",),
    )
    """Choose what is done for an urgent customer while no provider may be called."""
    AGENT_SILENT = "agent_silent", Lasts.WAIT
    """Find out why the agent, or a supervisor, has not gone on with the call."""
    TELL_CUSTOMER = "tell_customer", Lasts.UNTIL_DONE, (), _SETTLED_OTHERWISE
    """Call the customer with the provider's name and number: the mail did not arrive."""
    UNSCHEDULED = "unscheduled", Lasts.UNTIL_DONE, (), _SETTLED_OTHERWISE
    """Call the provider that has made no appointment; that is seen only after the end."""
