"""What an Alternate Provider Option asks people to do."""

from __future__ import annotations

from domain.tasks import Lasts, TaskKind


class Task(TaskKind):
    """The kinds of tasks, and how long each lasts."""

    DECIDE_APO = "decide_apo", Lasts.WAIT
    REACH_CUSTOMER = "reach_customer", Lasts.WAIT
    CUSTOMER_NOT_CONTACTED = "customer_not_contacted", Lasts.WAIT
    CALL_CUSTOMER = "call_customer", Lasts.WAIT
    CALL_ABOUT_DOCUMENTS = "call_about_documents", Lasts.WAIT
    REVIEW_DOCUMENTS = "review_documents", Lasts.WAIT
    REVIEW_ESTIMATE = "review_estimate", Lasts.WAIT
    REVIEW_OVERDUE = "review_overdue", Lasts.WAIT
    READ_ESTIMATE = "read_estimate", Lasts.WAIT
    NEW_DOCUMENTS = "new_documents", Lasts.LIFECYCLE
    ASSIGNED_OUT_OF_TURN = "assigned_out_of_turn"
    FIND_PROVIDER = "find_provider"
    MAIL_CORRESPONDENCE = "mail_correspondence"
    PAY = "pay"
    REACH_OTHERWISE = "reach_otherwise"
    REFUND_DEDUCTIBLE = "refund_deductible"
