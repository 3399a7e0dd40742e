"""What each kind of task is called when people read it: one label a kind, the same everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

LABELS: Final[Mapping[str, str]] = {
    # plus-one
    "search_running": "Check on the search",
    "decide_after_search": "Decide after the search",
    "follow_up": "Follow up the repair",
    "no_longer_accepted": "Decide: PlusOne gave the job up",
    "assigned_out_of_turn": "Talk to the department that assigned the job",
    "became_urgent": "Handle the urgent job",
    "complete_claim": "Complete the claim",
    "disclose_charges": "Tell the customer about charges",
    "not_for_plusone": "Find another provider",
    "reassigned_against_rule": "Settle with PlusOne",
    "mail_undelivered": "Reach the recipient by phone",
    # apo
    "decide_apo": "Approve or decline APO",
    "reach_customer": "Call the customer about APO",
    "customer_not_contacted": "Help Dispatch reach the customer",
    "call_customer": "Call the customer",
    "call_about_documents": "Call the customer about documents",
    "read_estimate": "Read the estimate",
    "review_estimate": "Decide on the estimate",
    "review_documents": "Review the documents",
    "review_overdue": "Help with the overdue review",
    "new_documents": "Look at new documents",
    "refund_deductible": "Refund the deductible",
    "find_provider": "Find a provider",
    "pay": "Pay the customer",
    "reach_otherwise": "Reach the recipient another way",
    "mail_correspondence": "File a Mail Correspondence form",
    "document_after_the_end": "Look at a late document",
    # am-escalation
    "call_provider": "Call the provider",
    "provider_not_called": "Step in: provider not called",
    "review_exception": "Review the Exception",
    "exception_not_reviewed": "Step in: Exception not reviewed",
    "reach_area_manager": "Reach the Area Manager",
    "area_manager_silent": "Step in: Area Manager silent",
    "reach_provider": "Reach the provider by phone",
    "concern_about_another": "Check who the concern is about",
    "risk": "Follow the risk procedure",
    # spoc
    "missing_report": "Ask for the report",
    "missing_information": "Ask for missing information",
    "provider_silent": "Engage the Area Manager",
    "specialist_silent": "Call the SPoC specialist",
    "order_confirmation": "Ask for the order confirmation",
    "review_at_once": "Take the report by phone",
    "status_to_change": "Have the job status changed",
    # reassignment
    "decide_travel_fee": "Decide on the travel fee",
    "decide_for_urgent_customer": "Decide for the urgent customer",
    "agent_silent": "Find out why the call stopped",
    "tell_customer": "Call the customer with the provider",
    "unscheduled": "Call the provider for an appointment",
    # whatever the lifecycle
    "accepted_too_late": "Decide who does the job",
    "order_refused": "Decide how the job goes on",
    "workflow_ended": "Decide: nobody follows this job",
}
"""The label of each kind of task, by its name outside."""


def label_of(kind: str) -> str:
    """Return what a kind of task is called; a kind of an older release is told by its name."""
    return LABELS.get(kind) or kind.replace("_", " ").capitalize()
