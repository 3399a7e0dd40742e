"""What a conference call asks people to do."""

from __future__ import annotations

from domain.tasks import ANOTHER_HAS_IT, JOB_IS_OVER, JobChange, Lasts, TaskKind

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
    """Decide how to help an urgent customer while no provider may be called."""
    AGENT_SILENT = "agent_silent", Lasts.WAIT
    """Find out why the agent, or a supervisor, hasn't continued the call."""
    TELL_CUSTOMER = "tell_customer", Lasts.UNTIL_DONE, (), _SETTLED_OTHERWISE
    """Call the customer with the provider's name and number; the e-mail didn't arrive."""
    UNSCHEDULED = "unscheduled", Lasts.UNTIL_DONE, (), _SETTLED_OTHERWISE
    """Call the provider that hasn't made an appointment; opened after the end."""
    REASON_MISSING = "reason_missing", Lasts.UNTIL_DONE, (), JOB_IS_OVER
    """Ask the provider why it said no, and log its reason (CONF-20)."""
    CONTACT_TIME_MISSING = "contact_time_missing", Lasts.UNTIL_DONE, (), _SETTLED_OTHERWISE
    """Ask the provider by when it will call the customer, and tell the customer (CONF-24)."""
    CUSTOMER_DROPPED = "customer_dropped", Lasts.UNTIL_DONE, (), JOB_IS_OVER
    """Call the customer back: the conference cut them off (CONF-41)."""
    MEDICAL_UPDATE = (
        "medical_update",
        Lasts.UNTIL_DONE,
        (),
        JOB_IS_OVER | {JobChange.CALMED},
    )
    """Call the customer: the job has become a Medical Emergency (CONF-41)."""
