"""What people call each stage, command, task, attention and outcome: one label each.

Programs get the identifiers; whatever a person reads has the label of this module. A role's label
is its own: `Role.people`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from domain.journal import MOVED, REFUSED

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

FIELDS: Final[Mapping[str, str]] = {
    "about": "What the customer says",
    "account": "Account",
    "agrees": "Did they agree?",
    "all_providers_called": "Every provider listed there was called",
    "about_denial": "Is this about a denial?",
    "amount": "Amount",
    "area_manager_email": "Area Manager's e-mail",
    "at": "Appointment",
    "attention": "Alert",
    "attributes": "Failed unit",
    "available": "Can the provider do the job?",
    "by_mail": "Send them by mail",
    "called": "PlusOne called the customer",
    "candidates": "Providers to call",
    "case": "Reason for the review",
    "channel": "How you asked",
    "city": "City",
    "comment": "Comment",
    "company": "Company",
    "concern": "Concern",
    "contact_name": "Person you spoke with",
    "corrected_email": "Corrected e-mail",
    "customer_agrees": "The customer agrees to a later appointment",
    "customer_dropped": "The customer was cut off, too",
    "customer_escalated": "The customer escalated the delay",
    "description": "What happened",
    "detail": "What you need",
    "earliest_appointment": "Soonest appointment",
    "emailed": "PlusOne e-mailed the customer",
    "emergency_phone": "Emergency line",
    "event_type": "Event type",
    "eta": "Expected on",
    "exception_code": "Exception code",
    "failed_parts": "Failed parts",
    "hawaii_pm": "Hawaii PM request",
    "in_network_exhausted": "Were all in-network providers tried?",
    "instructions_relayed": "Did you go through the Customer Instructions?",
    "kind": "What Cinch supplies",
    "line": "Street",
    "locator_completed": "Your Service Locator is completed",
    "method": "Payment method",
    "name": "Name",
    "non_covered": "Customer pays",
    "note": "Note",
    "number": "Account number",
    "option": "What to do",
    "oracle_update": "Oracle doesn't show this address",
    "outcome": "Outcome",
    "paid_invoice": "Is a paid invoice among them?",
    "part_cost": "Part cost",
    "partial": "Only a part is denied",
    "phone": "Phone",
    "pickup_at": "Pick up at",
    "reached": "Did you reach the provider?",
    "reason": "Reason",
    "resolved": "Is the concern settled?",
    "service_explanation_checked": "Did you check the Service Explanation?",
    "ship_to": "Ship to",
    "source": "Found in",
    "state": "State",
    "summary": "What you learned",
    "text": "Text",
    "to": "New account",
    "topic": "Question about",
    "travel_fee": "Travel fee",
    "urgent": "Is the customer's situation urgent?",
    "voicemail_left": "Did you leave a voicemail?",
    "what": "What you need",
    "will_contact_by": "Will contact the customer by",
    "zip": "ZIP Code",
}
"""Each field of the commands, by its name."""

FIELDS_OF: Final[Mapping[str, Mapping[str, str]]] = {
    "add_service_job": {"reason": "Why the work is needed"},
    "approve": {"text": "Service report with prices"},
    "approve_replacement": {"text": "Service report with prices"},
    "ask_provider": {"reason": "What you asked for"},
    "contact_spoc": {"reason": "What is missing"},
    "customer_called": {"instructions_relayed": "I went through the Customer Instructions"},
    "customer_conference": {"agrees": "Does the customer join?"},
    "customer_reached": {"outcome": "What does the customer say?"},
    "documents_approved": {"amount": "Amount to offer"},
    "documents_received": {"amount": "Total of the invoice"},
    "estimate_submitted": {"amount": "Amount of the estimate"},
    "provider_conference": {"agrees": "Does the provider join?"},
    "provider_contacted": {"resolved": "The concern is settled"},
    "supervisor_decision": {"in_network_exhausted": "All in-network providers were tried"},
    "supply_parts": {"what": "Parts or equipment"},
}
"""The fields of a command that have a name of their own there, by the command's name."""

CHOICES: Final[Mapping[str, str]] = {
    # the customer's answer
    "accepted": "Accepts",
    "refused": "Refuses",
    "undecided": "Undecided",
    # payment
    "check": "Check",
    "electronic_transfer": "Electronic transfer",
    # what Cinch supplies
    "parts": "Parts",
    "replacement_equipment": "Replacement equipment",
    "claim_credit": "Claim credit",
    # where a provider was found
    "calendar": "Calendar",
    "extended_zip": "Extended ZIP search",
    "service_locator": "Service Locator",
    # how to help an urgent customer
    "emergency_line": "Call emergency lines",
    "apo": "Start APO",
    "dispatch": "Send to Dispatch",
    # why the specialist is contacted
    "no_service_report": "Service report",
    "missing_information": "Information missing from the report",
    "part_update": "Update on a part",
    "order_confirmation": "Order confirmation",
    # questions for others
    "work_approved_unclear": "Approved work with unclear next steps",
    "cinch_part_eta": "ETA of a part that Cinch supplies",
    "cinch_part_no_eta": "Cinch part without an ETA",
    "scheduling": "Scheduling",
    "appliance_replacement": "Appliance replacement options",
    "cinch_equipment_eta": "ETA of equipment that Cinch supplies",
    "parts_research": "Parts or equipment research",
    "confirmed_denial": "Confirmed denial",
    # why a report is reviewed
    "over_approval_limit": "Over the approval limit",
    "replacement_recommended": "Replacement recommended",
    "non_covered_charges": "Non-covered charges",
    "possible_denial": "Possible denial",
    "potential_recall": "Potential recall",
}
"""Each value that a field of a command can be chosen from, as a list shows it."""

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

MISSED: Final[Mapping[str, str]] = {
    "job.assigned": "an assignment",
    "job.severity_changed": "a change of the severity",
    "job.cancelled": "the cancellation",
    "job.appointment_confirmed": "an appointment",
}
"""What the hooks missed, by the type of the event that they would have told."""


OUTGOING_STATES: Final[Mapping[str, str]] = {
    "asking": "Being asked",
    "pending": "Waiting",
    "refused": "Refused",
    "done": "Done",
    "dropped": "Dropped",
}
"""How far something has come that is asked or told, as a list shows it."""


STUCK: Final[Mapping[str, str]] = {
    "database": "Database",
    "namespace": "Wrong namespace",
    "temporal": "Temporal doesn't answer",
    "no_worker": "No worker",
    "rebuild_due": "Open jobs don't run in this Temporal",
    "workflow_task": "Failing workflow tasks",
    "background": "Failing background tasks",
    "job_system": "Job system",
    "events": "Receiver of events",
    "reconciliation": "Reconciliation",
    "heartbeat": "Heartbeat",
    "not_encrypted": "Temporal's data not encrypted",
    "mail_server": "E-mail not sent yet",
    "lost_lifecycle": "Nobody is following these jobs",
    "reopened_job": "Reopened jobs",
    "attention": "Alerts",
    "overdue_promise": "Deadlines nobody noticed",
    "mail": "E-mail not delivered",
    "refused": "Refused by the job system",
    "untold": "Not sent yet",
    "hook": "Events waiting for Temporal",
    "dead_letter": "Dead letters",
    "held_mail": "Held e-mail",
}
"""Each kind of what is stuck, as a heading: what stops most first, what needs nobody last."""

MAIL_STATES: Final[Mapping[str, str]] = {
    "queued": "Waiting to be sent",
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


def missed_label(type_: str) -> str:
    """Return what the hooks missed, by the type of its event: `an assignment`."""
    return MISSED.get(type_, "a change of the job")


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


_FOLLOWS_BUILT_IN: Final = "follows policy built-in"
_PAST: Final[Mapping[str, str]] = {
    "Add": "Added",
    "Approve": "Approved",
    "Ask": "Asked",
    "Choose": "Chose",
    "Contact": "Contacted",
    "Decide": "Decided",
    "Decline": "Declined",
    "Deny": "Denied",
    "Dismiss": "Dismissed",
    "Engage": "Engaged",
    "Enter": "Entered",
    "Find": "Found",
    "Log": "Logged",
    "Offer": "Offered",
    "Reassign": "Reassigned",
    "Record": "Recorded",
    "Reject": "Rejected",
    "Report": "Reported",
    "Request": "Requested",
    "Resolve": "Resolved",
    "Send": "Sent",
    "Start": "Started",
    "Supply": "Supplied",
    "Take": "Took",
    "Update": "Updated",
}
"""The verb that begins each command's label, and its past."""


def command_given(command: str) -> str:
    """Return a command's label as something that was done: "Logged the customer's call"."""
    verb, _, rest = COMMANDS[command].partition(" ")
    return f"{_PAST[verb]} {rest}"


def journal_label(what: str) -> str:
    """Return what an entry of the journal says to people; programs get it as it is written.

    A command is told by its label in the past, a move by the labels of both stages, and a refusal
    by that of the command that was refused.
    """
    if what in COMMANDS:
        return command_given(what)
    if what.startswith(f"{_FOLLOWS_BUILT_IN} ("):
        return what.replace(_FOLLOWS_BUILT_IN, "Follows the built-in policy", 1)
    before, moved, after = what.partition(MOVED)
    if moved and before in STAGES and after in STAGES:
        return f"{STAGES[before]}{MOVED}{STAGES[after]}"
    command, refused, why = what.removeprefix(REFUSED).partition(": ")
    if refused and what.startswith(REFUSED) and command in COMMANDS:
        return f"Refused ({COMMANDS[command]}): {why}"
    return f"{what[:1].upper()}{what[1:]}"


def field_label(command: str, field: str) -> str:
    """Return what a field of a command is called; yes-or-no fields are questions or statements."""
    return FIELDS_OF.get(command, {}).get(field) or FIELDS.get(field) or _plain(field)


def choice_label(value: str) -> str:
    """Return what a value that is chosen from a list is called; a code is its own name."""
    if value.isupper():
        return value
    return CHOICES.get(value) or ATTENTION.get(value) or _plain(value)


def lifecycle_label(lifecycle: str) -> str:
    """Return what a lifecycle is called."""
    return LIFECYCLES.get(lifecycle) or _plain(lifecycle)


def _plain(name: str) -> str:
    """Return the name of what another release has, in words."""
    return name.replace("_", " ").replace("-", " ").capitalize()


def task_label(kind: str) -> str:
    """Return what a kind of task is called; a kind of an older release is told by its name."""
    return TASKS.get(kind) or _plain(kind)
