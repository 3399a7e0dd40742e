"""What a search by PlusOne, and the repair after it, ask people to do."""

from __future__ import annotations

from domain.tasks import (
    ANOTHER_HAS_IT,
    JOB_IS_OVER,
    SOMEBODY_HAS_IT,
    CommonTask,
    JobChange,
    Lasts,
    TaskKind,
)

_DECISIONS = ("report_cannot_locate", "request_reassignment")


class Task(TaskKind):
    """The kinds of tasks, and how long each lasts."""

    SEARCH_RUNNING = "search_running", Lasts.WAIT
    """Asks dispatch to know that a search has taken longer than the customer was told (G-01)."""
    DECIDE_AFTER_SEARCH = "decide_after_search", Lasts.WAIT, _DECISIONS
    """Asks dispatch to decide about a job that PlusOne did not accept in its 48 hours (G-02)."""
    FOLLOW_UP = "follow_up", Lasts.WAIT
    """Asks dispatch to follow up a repair that nothing was heard of; any news settles it."""
    NO_LONGER_ACCEPTED = "no_longer_accepted", Lasts.LIFECYCLE, _DECISIONS
    """Asks dispatch to decide about a job that PlusOne gave up; progress elsewhere settles nothing.

    Only an acceptance, a new search or the end does.
    """
    ASSIGNED_OUT_OF_TURN = "assigned_out_of_turn"
    """Asks a supervisor to talk to a department that may not assign PlusOne (PO-05)."""
    SEARCH_NETWORK = "search_network", Lasts.WAIT
    """Asks Dispatch for the searches that come before PlusOne (PO-15, PO-16)."""
    PROCUREMENT_CLAIM = "procurement_claim"
    """Asks Parts Sourcing to create the claim on a job of the procurement account (PO-56)."""
    SHIPPING_ADDRESS = "shipping_address", Lasts.UNTIL_DONE, (), JOB_IS_OVER
    """Asks a supervisor to set a shipping address in Oracle (PO-55)."""
    BECAME_URGENT = (
        "became_urgent",
        Lasts.UNTIL_DONE,
        (),
        SOMEBODY_HAS_IT | {JobChange.CALMED},
    )
    """Asks for an emergency provider, or for what else an urgent job with PlusOne needs (PO-04)."""
    COMPLETE_CLAIM = "complete_claim", Lasts.UNTIL_DONE, (), ANOTHER_HAS_IT
    """Asks dispatch to complete the claim of a job without a provider (PO-69)."""
    DISCLOSE_CHARGES = "disclose_charges", Lasts.UNTIL_DONE, (), ANOTHER_HAS_IT
    """Asks authorizations to tell the customer what is not covered (PO-44)."""
    CALL_ABOUT_DENIAL = "call_about_denial", Lasts.UNTIL_DONE, (), ANOTHER_HAS_IT
    """Asks authorizations to call the customer about a denial (CONF-41, CONF-42)."""
    NOT_FOR_PLUSONE = "not_for_plusone", Lasts.UNTIL_DONE, (), SOMEBODY_HAS_IT
    """Asks dispatch to place a job that PlusOne must not have (PO-01, PO-04)."""
    REASSIGNED_AGAINST_RULE = (
        "reassigned_against_rule",
        Lasts.UNTIL_DONE,
        (),
        frozenset({JobChange.BACK_WITH_PLUSONE}),
    )
    """Asks a supervisor to give a job back to PlusOne, or to settle with it (PO-11)."""
    CHECK_ORDER = "check_order", Lasts.UNTIL_DONE, (), ANOTHER_HAS_IT
    """Asks Authorizations to check an order of parts that nobody approved (PO-27)."""
    CAPTURE_REPORT = "capture_report", Lasts.UNTIL_DONE, (), ANOTHER_HAS_IT
    """Asks Authorizations for the full service report, where none is on the job (PO-40)."""
    REPLACEMENT_OPTIONS = "replacement_options", Lasts.UNTIL_DONE, (), ANOTHER_HAS_IT
    """Asks Authorizations to give the customer the options that PlusOne was told of (PO-48)."""
    PLUSONE_OWES = "plusone_owes", Lasts.LIFECYCLE
    """Asks Dispatch to get from PlusOne what it owes since it accepted; that settles it (PO-62)."""
    MAIL_UNDELIVERED = (
        CommonTask.MAIL_UNDELIVERED.value,
        Lasts.UNTIL_DONE,
        (),
        CommonTask.MAIL_UNDELIVERED.pointless_after,
    )
    """Asks dispatch to reach somebody by phone whom a mail did not reach."""
