"""What people call each stage, command, task, attention and outcome: one label each.

Programs get the identifiers; whatever a person reads has the label of this module. A role's label
is its own: `Role.people`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TASKS: Final[Mapping[str, str]] = {
    # plus-one
    "search_running": "Check on the search",
    "decide_after_search": "Decide after the search",
    "follow_up": "Follow up the repair",
    "no_longer_accepted": "Decide: PlusOne gave the job up",
    "assigned_out_of_turn": "Talk to the department that assigned the job",
    "search_network": "Search our own network",
    "procurement_claim": "Create the procurement claim",
    "shipping_address": "Set the shipping address in Oracle",
    "became_urgent": "Handle the urgent job",
    "complete_claim": "Complete the claim",
    "disclose_charges": "Tell the customer about charges",
    "call_about_denial": "Call the customer about the denial",
    "not_for_plusone": "Find another provider",
    "reassigned_against_rule": "Look into the reassignment",
    "check_order": "Check the parts order",
    "capture_report": "Enter the service report",
    "replacement_options": "Give the customer replacement options",
    "plusone_owes": "Ask PlusOne what's missing",
    "mail_undelivered": "Reach the recipient by phone",
    # apo
    "decide_apo": "Approve or decline APO",
    "reach_customer": "Call the customer about APO",
    "customer_not_contacted": "Step in: customer not called",
    "call_customer": "Call the customer",
    "call_about_documents": "Call the customer about documents",
    "read_estimate": "Enter the amount of the estimate",
    "review_estimate": "Approve or decline the estimate",
    "review_documents": "Review the documents",
    "review_overdue": "Step in: review overdue",
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
    "review_cost": "Review the cost",
    "review_replacement": "Review the replacement",
    "review_charges": "Review the non-covered charges",
    "review_denial": "Review the possible denial",
    "research_recall": "Research the recall",
    "review_claim": "Review the claim",
    # reassignment
    "decide_travel_fee": "Decide on the travel fee",
    "decide_for_urgent_customer": "Decide how to help the urgent customer",
    "agent_silent": "Find out why the call stopped",
    "tell_customer": "Give the customer the provider's number",
    "unscheduled": "Call the provider for an appointment",
    "reason_missing": "Ask the provider why it said no",
    "contact_time_missing": "Ask when the provider will call",
    "customer_dropped": "Call back the customer who was cut off",
    "medical_update": "Call the customer: Medical Emergency",
    # whatever the lifecycle
    "accepted_too_late": "Decide who does the job",
    "event_not_understood": "Look up what an event says",
    "job_system_refused": "Settle what the job system refused",
    "job_reopened": "Decide: the job was reopened",
    "order_refused": "Decide how the job goes on",
    "workflow_ended": "Decide: nobody is following this job",
}
"""Each kind of task, as an imperative."""

STAGES: Final[Mapping[str, str]] = {
    # plus-one
    "searching": "PlusOne is searching",
    "accepted": "Accepted by PlusOne",
    "diagnosis_submitted": "Diagnosis submitted",
    "info_requested": "More information requested",
    "approved": "Repair approved",
    "denied": "Repair denied",
    "parts_ordered": "Parts ordered",
    "completed": "Completed",
    "no_provider_found": "No Provider Found",
    "released": "Released by PlusOne",
    "not_eligible": "Not a job for PlusOne",
    # apo
    "awaiting_approval": "Waiting for approval",
    "contacting_customer": "Dispatch is contacting the customer",
    "awaiting_customer": "Waiting for the customer's answer",
    "awaiting_documents": "Waiting for documents",
    "estimate_review": "Estimate under review",
    "reviewing_documents": "Documents under review",
    "offer_sent": "Offer sent",
    "awaiting_paid_invoice": "Waiting for the paid invoice",
    "paid": "Paid",
    "paid_by_check": "Paid by check",
    "closed_without_proof": "Closed without proof of payment",
    "refused": "Customer refused APO",
    "declined": "APO declined",
    # am-escalation
    "contacting_provider": "Contacting the provider",
    "awaiting_callback": "Waiting to see if the customer calls back",
    "second_contact": "Second call to the provider",
    "exception_open": "Exception under review",
    "area_manager_engaged": "With the Area Manager",
    "resolved": "Resolved",
    "closed_quiet": "Closed, no callback",
    "risk": "Handed to the risk procedure",
    # spoc
    "awaiting_report": "Waiting for the service report",
    "report_overdue": "Service report overdue",
    "missing_information": "Information missing",
    "spoc_contacted": "SPoC specialist contacted",
    "report_received": "Service report received",
    "closed": "Closed",
    # reassignment
    "calling_provider": "Calling a provider",
    "travel_fee_review": "Travel fee under review",
    "asking_provider": "Asking the provider to conference",
    "asking_customer": "Asking the customer to conference",
    "conferencing": "Conference call",
    "supervisor_review": "Supervisor review",
    "appointment_confirmed": "Appointment confirmed",
    "provider_will_call": "Provider will call the customer",
    "sent_to_dispatch": "Sent to Dispatch",
    "apo_started": "APO started",
    # whatever the lifecycle
    "cancelled": "Cancelled",
    "superseded": "Job reassigned elsewhere",
}
"""Each stage and each outcome, by its name outside; a shared name has a shared label."""

COMMANDS: Final[Mapping[str, str]] = {
    # plus-one
    "request_reassignment": "Reassign the job",
    "report_cannot_locate": "Report that no provider was found",
    "customer_called": "Log the customer's call",
    "approve": "Approve the repair",
    "request_info": "Ask PlusOne for information",
    "deny": "Deny the repair",
    "add_service_job": "Add a service job to the order",
    "supply_parts": "Supply parts",
    "update_parts": "Update the parts status",
    "approve_replacement": "Approve a replacement",
    "customer_informed": "Log that PlusOne informed the customer",
    # apo
    "offer_apo": "Offer APO",
    "request_apo": "Request APO",
    "approve_apo": "Approve APO",
    "decline_apo": "Decline APO",
    "customer_reached": "Record the customer's answer to the call",
    "customer_not_reached": "Record that the customer didn't answer",
    "instructions_not_received": "Send the instructions again",
    "customer_accepted": "Record that the customer accepted APO",
    "customer_refused": "Record that the customer refused APO",
    "estimate_submitted": "Enter the estimate",
    "estimate_approved": "Approve the estimate",
    "estimate_declined": "Decline the estimate",
    "documents_received": "Log the documents",
    "documents_approved": "Approve the documents",
    "documents_rejected": "Reject the documents",
    "payment_chosen": "Choose the payment method",
    # am-escalation
    "report_concern": "Report a concern",
    "provider_contacted": "Log the call to the provider",
    "customer_called_back": "Log the customer's callback",
    "second_contact_made": "Log the second call to the provider",
    "record_feedback": "Record feedback",
    "take_over": "Take over the Leadership Desk's Exception",
    "admin_reviewed": "Send the Exception to the Area Manager",
    "resolve": "Resolve the concern",
    "risk_reported": "Report a risk",
    # spoc
    "ask_provider": "Log a request to the provider",
    "contact_spoc": "Contact the SPoC specialist",
    "route_question": "Find out where a question goes",
    "information_received": "Log the information received",
    "engage_area_manager": "Engage the Area Manager",
    "review_needed": "Ask for a review of the report",
    "denial_confirmed": "Record a confirmed denial",
    # reassignment
    "start_reassignment": "Start the reassignment",
    "provider_no_answer": "Log that the provider didn't answer",
    "provider_answered": "Log the provider's answer",
    "approve_travel_fee": "Approve the travel fee",
    "decline_travel_fee": "Decline the travel fee",
    "provider_conference": "Log whether the provider joins the conference",
    "customer_conference": "Log whether the customer joins the conference",
    "appointment_captured": "Record the appointment",
    "supervisor_decision": "Decide how to help the urgent customer",
    # whatever the lifecycle
    "dismiss_attention": "Dismiss an alert",
}
"""Each command, as an imperative that also reads after "can": "Dispatch can offer APO"."""

ATTENTION: Final[Mapping[str, str]] = {
    "overdue": "Overdue",
    "delivery_failed": "E-mail not delivered",
    "bad_message": "Message refused",
    "rule_conflict": "Rule in question",
    "store_unreachable": "Database not reachable",
    "job_system_unreachable": "Job system not reachable",
    "job_system_refuses": "Job system refused a change",
}
"""Each reason for which a job asks for a person's attention."""

LIFECYCLES: Final[Mapping[str, str]] = {
    "plus-one": "PlusOne search",
    "apo": "APO",
    "am-escalation": "Area Manager escalation",
    "spoc": "SPoC follow-up",
    "reassignment": "Conference call",
}
"""Each lifecycle, as the name of a procedure that runs."""

OUTGOING: Final[Mapping[str, str]] = {
    "change_job": "a change of the job",
    "add_note": "a note",
    "open_task": "a task",
    "close_task": "the closing of a task",
    "open_exception": "an Exception",
    "change_exception": "a change of an Exception",
    "add_service_job": "a job added to the order",
}
"""What the job system is asked and told, as it reads after "the job system refused"."""


OUTGOING_STATES: Final[Mapping[str, str]] = {
    "asking": "Being asked",
    "pending": "Waiting",
    "refused": "Refused",
    "done": "Done",
    "dropped": "Dropped",
}
"""How far something has come that is asked or told, as a list shows it."""


STUCK: Final[Mapping[str, str]] = {
    "lost_lifecycle": "Nobody is following these jobs",
    "reopened_job": "Reopened jobs",
    "attention": "Alerts",
    "mail": "E-mail not delivered",
    "refused": "Refused by the job system",
    "untold": "Not sent yet",
    "dead_letter": "Dead letters",
    "database": "Database",
    "temporal": "Temporal doesn't answer",
    "namespace": "Wrong namespace",
    "no_worker": "No worker",
    "workflow_task": "Failing workflow tasks",
    "background": "Failing background tasks",
    "overdue_promise": "Deadlines nobody noticed",
    "job_system": "Job system",
    "events": "Receiver of events",
    "hook": "Events waiting for Temporal",
    "reconciliation": "Reconciliation",
}
"""Each kind of what is stuck, as a heading, in the order in which somebody looks at it."""

MAIL_STATES: Final[Mapping[str, str]] = {
    "queued": "Queued",
    "sent": "Sent",
    "uncertain": "May not have arrived",
    "bounced": "Not delivered",
}
"""How far a mail has come."""

MAIL_TEMPLATES: Final[Mapping[str, str]] = {
    "am_escalation": "Escalation to the Area Manager",
    "am_reminder": "Reminder to the Area Manager",
    "apo_closing_without_proof": "APO: closed without proof of payment",
    "apo_documents_incomplete": "APO: documents incomplete",
    "apo_documents_reminder": "APO: reminder of documents",
    "apo_estimate_approved": "APO: estimate approved",
    "apo_estimate_declined": "APO: estimate declined",
    "apo_instructions": "APO: instructions",
    "apo_instructions_reminder": "APO: reminder of the instructions",
    "apo_invoice_reminder": "APO: reminder of the paid invoice",
    "apo_offer": "APO: offer",
    "apo_offer_reminder": "APO: reminder of the offer",
    "apo_offer_without_invoice": "APO: offer without a paid invoice",
    "apo_payment_by_check": "APO: payment by check",
    "plusone_reminder": "Reminder to PlusOne",
    "plusone_send_instructions": "PlusOne: send the instructions",
    "provider_information": "Provider information",
    "public_note": "Public note to the provider",
    "public_note_to_customer": "Public note to the customer",
    "report_reminder": "Reminder of the service report",
    "spoc_assistance": "SPoC: request for help",
    "spoc_digest": "SPoC: daily digest",
    "spoc_follow_up": "SPoC: follow-up",
    "spoc_reminder": "SPoC: reminder",
}
"""What each template of a mail is for."""


def stuck_label(kind: str) -> str:
    """Return the heading of a kind of what is stuck."""
    return STUCK.get(kind) or _plain(kind)


def mail_state_label(state: str) -> str:
    """Return how far a mail has come."""
    return MAIL_STATES.get(state) or _plain(state)


def mail_template_label(template: str) -> str:
    """Return what a mail's template is for; one of another release is told by its name."""
    return MAIL_TEMPLATES.get(template) or _plain(template)


def outgoing_label(what: str) -> str:
    """Return what somebody is told; an event is told by the name that programs know it by."""
    return OUTGOING.get(what) or f"the event `{what}`"


def outgoing_state_label(state: str) -> str:
    """Return how far something has come that somebody is asked or told."""
    return OUTGOING_STATES.get(state) or _plain(state)


def stage_label(stage: str) -> str:
    """Return what a stage or an outcome is called."""
    return STAGES.get(stage) or _plain(stage)


def command_label(command: str) -> str:
    """Return what a command is called: an imperative."""
    return COMMANDS.get(command) or _plain(command)


def to_do(command: str) -> str:
    """Return what a command does, as it reads after "can": `offer APO`, `approve the repair`."""
    label = command_label(command)
    return label[0].lower() + label[1:]


def way_out(instead: str) -> str:
    """Return what to do instead, as people read it: a command by its label and its name."""
    if instead in COMMANDS:
        return f"{COMMANDS[instead]} (`{instead}`)."
    return f"{instead[:1].upper()}{instead[1:]}"


def attention_label(attention: str) -> str:
    """Return what a reason for attention is called."""
    return ATTENTION.get(attention) or _plain(attention)


def journal_label(what: str) -> str:
    """Return what an entry of the journal says to people; programs get it as it is written.

    A command is told by its label, a move by the labels of both stages, and a refusal by that of
    the command that was refused.
    """
    if what in COMMANDS:
        return COMMANDS[what]
    before, moved, after = what.partition(" → ")
    if moved and before in STAGES and after in STAGES:
        return f"{STAGES[before]} → {STAGES[after]}"
    command, refused, why = what.removeprefix("refused ").partition(": ")
    if refused and what.startswith("refused ") and command in COMMANDS:
        return f"Refused ({COMMANDS[command]}): {why}"
    return f"{what[:1].upper()}{what[1:]}"


def lifecycle_label(lifecycle: str) -> str:
    """Return what a lifecycle is called."""
    return LIFECYCLES.get(lifecycle) or _plain(lifecycle)


def _plain(name: str) -> str:
    """Return the name of what another release has, in words."""
    return name.replace("_", " ").replace("-", " ").capitalize()


def task_label(kind: str) -> str:
    """Return what a kind of task is called; a kind of an older release is told by its name."""
    return TASKS.get(kind) or _plain(kind)
