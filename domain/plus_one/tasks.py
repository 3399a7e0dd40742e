"""What a search by PlusOne asks people to do."""

from __future__ import annotations

from domain.tasks import Lasts, TaskKind


class Task(TaskKind):
    """The kinds of tasks, and how long each lasts."""

    SEARCH_RUNNING = "search_running", Lasts.WAIT
    DECIDE_AFTER_SEARCH = "decide_after_search", Lasts.WAIT
    FOLLOW_UP = "follow_up", Lasts.WAIT
    NO_LONGER_ACCEPTED = "no_longer_accepted", Lasts.LIFECYCLE
    ASSIGNED_OUT_OF_TURN = "assigned_out_of_turn"
    BECAME_URGENT = "became_urgent"
    COMPLETE_CLAIM = "complete_claim"
    DISCLOSE_CHARGES = "disclose_charges"
    NOT_FOR_PLUSONE = "not_for_plusone"
    REASSIGNED_AGAINST_RULE = "reassigned_against_rule"
    MAIL_UNDELIVERED = "mail_undelivered"
