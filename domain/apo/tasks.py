"""The tasks that APO gives people."""

from __future__ import annotations

from domain.tasks import SOMEBODY_HAS_IT, JobChange, Lasts, TaskKind

_APO_IS_OVER = frozenset({JobChange.CANCELLED, JobChange.MOVED})


class Task(TaskKind):
    """The kinds of tasks, and how long each lasts."""

    DECIDE_APO = "decide_apo", Lasts.WAIT, ("approve_apo", "decline_apo")
    """Approve or decline APO."""
    REACH_CUSTOMER = "reach_customer", Lasts.WAIT, ("customer_reached", "customer_not_reached")
    """Call the customer and explain APO (APO-02)."""
    CUSTOMER_NOT_CONTACTED = "customer_not_contacted", Lasts.WAIT
    """Step in: Dispatch has not called the customer."""
    CALL_CUSTOMER = "call_customer", Lasts.WAIT
    """Call the customer, who has not answered the instructions (APO-09)."""
    CALL_ABOUT_DOCUMENTS = "call_about_documents", Lasts.WAIT
    """Call the customer, who has sent no documents (G-70)."""
    READ_ESTIMATE = "read_estimate", Lasts.WAIT, ("estimate_submitted",)
    """Read the amount of an estimate that arrived without one, and enter it."""
    REVIEW_ESTIMATE = "review_estimate", Lasts.WAIT, ("estimate_approved", "estimate_declined")
    """Decide on an estimate above the limit (G-71)."""
    REVIEW_DOCUMENTS = "review_documents", Lasts.WAIT, ("documents_approved", "documents_rejected")
    """Review what the customer sent (APO-26)."""
    REVIEW_OVERDUE = "review_overdue", Lasts.WAIT
    """Step in: Support Services has not finished a review in time."""
    NEW_DOCUMENTS = "new_documents"
    """Look at documents that arrived when none were expected; the next review settles it too.

    An end does not: a paid invoice that arrived before it is reviewed all the same (APO-36).
    """
    ASSIGNED_OUT_OF_TURN = "assigned_out_of_turn"
    """Talk to the department that assigned the job to APO instead of Dispatch (APO-19)."""
    REFUND_DEDUCTIBLE = "refund_deductible"
    """Refund the customer's deductible (G-45); a refusal settles it."""
    FIND_PROVIDER = "find_provider", Lasts.UNTIL_DONE, (), SOMEBODY_HAS_IT
    """Keep looking for a provider after a refusal (APO-16); accepting APO later settles it."""
    PAY = "pay"
    """Pay the customer (APO-27, APO-30)."""
    REACH_OTHERWISE = "reach_otherwise", Lasts.UNTIL_DONE, (), _APO_IS_OVER
    """Reach a customer whose mail came back (G-73).

    A corrected address settles it, and so does an end after which the customer needs no answer.
    """
    MAIL_CORRESPONDENCE = "mail_correspondence", Lasts.UNTIL_DONE, (), _APO_IS_OVER
    """File a Mail Correspondence Request Form (APO-13, APO-14).

    An end after which the customer needs no answer settles it.
    """
    DOCUMENT_AFTER_THE_END = "document_after_the_end"
    """Look at a document that arrived after APO ended."""
