"""What PlusOne, or a provider, reads of a job that is or was theirs: nothing of other firms.

A job goes from one account to the next, and what was said of it while another had it is none of
theirs. So they read what happened in their own time, and of that what is public.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.accounts import PLUSONE
from domain.addresses import read_field
from domain.attention import WAITS_FOR_JOB_SYSTEM
from domain.jobs import Visibility
from domain.policy import Policy
from domain.roles import Role
from starters.access import Caller, no_job
from store.holders import Holders
from store.reading import Reading

_NAMING_OTHERS = frozenset({"reassignment"})
"""Lifecycles whose texts name the providers that are called."""
_PUBLIC = frozenset({Visibility.PUBLIC.value, Visibility.PUBLIC_WITH_EMAIL.value})
_BEING_DECIDED = "The company is deciding who does this job."
_BEING_UPDATED = "The company is updating this job."
_GONE = "This job is no longer assigned to you."
_RULES = re.compile(r" ?\([A-Z]{1,6}-\d+(?:(?:, | to | and |; )[A-Z]{1,6}-\d+)*\)")
"""Ids of rules at the end of a sentence: they are for colleagues."""
_OF_THE_HOLDER = ("sub_status", "assigned_at", "diagnostic_report_at", "appointment_at")
"""What a job says of the work of whoever has it."""

_SHOWN_OF_A_LIFECYCLE = frozenset(
    {"job_id", "lifecycle", "workflow_id", "stage", "waiting_on", "since", "due_at", "next"}
    | {"allowed", "outcome", "trade", "severity", "assigned_to"}
)


@dataclass(frozen=True)
class Partner:
    """The account that looks, and in which role."""

    account: str
    role: Role
    addresses: frozenset[str] = frozenset()
    """Its mail addresses that are known beside those on its jobs."""


def page_for(partner: Partner, page: Mapping[str, Any]) -> dict[str, Any]:
    """Return a job's page as a partner reads it: the same keys, with what concerns the partner."""
    job = page["job"]
    is_theirs = job["assigned_to"]["number"] == partner.account
    times = _their_times(partner, page["assignments"])
    addresses = _their_addresses(partner, job)
    return {
        "job": job if is_theirs else _without_holder(job),
        "lifecycles": [_standing(each, is_theirs=is_theirs) for each in page["lifecycles"]],
        "notes": [note for note in _within(times, page["notes"]) if note["visibility"] in _PUBLIC],
        "assignments": [
            {**each, "by": "Steward" if each["by"] == "Steward" else "the company", "reason": ""}
            for each in page["assignments"]
            if each["to"]["number"] == partner.account
        ],
        "emails": [
            mail
            for mail in page["emails"]
            if _addresses_in(mail["to"]) & addresses and _is_within(times, mail["at"])
        ],
        "exceptions": [],
        "tasks": [
            {**task, "text": _without_rules(task["text"])}
            for task in _within(times, page["tasks"])
            if task["role"] == partner.role
        ],
        "service_jobs": [
            each for each in page["service_jobs"] if each["account"]["number"] == partner.account
        ],
        "promises": [
            {**each, "duty": _without_rules(each["duty"])}
            for each in page["promises"]
            if each["waiting_on"] == partner.role and _is_within(times, each["opened_at"])
        ],
        "journal": [
            {**entry, "what": _without_rules(entry["what"])}
            for entry in _within(times, page["journal"])
            if entry["actor"]["role"] == partner.role and not _is_refusal(entry)
        ],
    }


def item_for(item: Mapping[str, Any], *, is_theirs: bool) -> dict[str, Any]:
    """Return an item of a list of lifecycles as a partner reads it.

    Args:
        item: as employees read it.
        is_theirs: whether the job stands on the partner's account now.
    """
    shown = _standing(item, is_theirs=is_theirs)
    return shown if is_theirs else {**shown, "assigned_to": None}


def _without_holder(job: Mapping[str, Any]) -> dict[str, Any]:
    unsaid = dict.fromkeys(_OF_THE_HOLDER)
    return {**job, "assigned_to": dict.fromkeys(job["assigned_to"]), **unsaid}


def _standing(standing: Mapping[str, Any], *, is_theirs: bool) -> dict[str, Any]:
    shown = {name: said for name, said in standing.items() if name in _SHOWN_OF_A_LIFECYCLE}
    shown["attention"] = []
    if is_theirs and standing["lifecycle"] not in _NAMING_OTHERS:
        is_waiting = WAITS_FOR_JOB_SYSTEM & set(standing["attention"])
        said = _BEING_UPDATED if is_waiting else _without_rules(shown["next"])
        return {**shown, "next": said}
    shown |= {"waiting_on": None, "due_at": None, "next": _BEING_DECIDED if is_theirs else _GONE}
    return shown | ({"allowed": []} if "allowed" in shown else {})


def _without_rules(text: str) -> str:
    return _RULES.sub("", text)


def _their_times(
    partner: Partner, assignments: Sequence[Mapping[str, Any]]
) -> list[tuple[datetime, datetime | None]]:
    """Return from when until when the job was theirs; None while it still is."""
    in_order = sorted(assignments, key=lambda each: each["at"])
    ends: Iterable[datetime | None] = [*(each["at"] for each in in_order[1:]), None]
    return [
        (each["at"], end)
        for each, end in zip(in_order, ends, strict=True)
        if each["to"]["number"] == partner.account
    ]


def _within(
    times: Sequence[tuple[datetime, datetime | None]], entries: Iterable[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    return [entry for entry in entries if _is_within(times, entry["at"])]


def _is_within(times: Sequence[tuple[datetime, datetime | None]], at: datetime) -> bool:
    return any(begin <= at and (end is None or at < end) for begin, end in times)


def _their_addresses(partner: Partner, job: Mapping[str, Any]) -> frozenset[str]:
    assignee = job["assigned_to"]
    theirs = {each.casefold() for each in partner.addresses}
    if assignee["number"] == partner.account and assignee.get("email"):
        theirs |= _addresses_in(assignee["email"])
    return frozenset(theirs)


def _addresses_in(field: str) -> set[str]:
    return {each.address.casefold() for each in read_field(field).recipients}


def _is_refusal(entry: Mapping[str, Any]) -> bool:
    return str(entry["what"]).startswith("refused ")


class PartnerViews:
    """Shows everybody what they may read: to employees all, to partners what is theirs."""

    def __init__(self, holders: Holders, policy: Callable[[], Policy]) -> None:
        self._holders = holders
        self._policy = policy

    async def job(self, caller: Caller, job_id: str, reading: Reading) -> dict[str, Any]:
        """Return everything about a job that somebody may read.

        Raises:
            HTTPException: there is no such job, or they may not read it (404).
            StoreUnavailableError: the store does not answer.
        """
        if not await caller.may_read(job_id, self._holders):
            raise no_job(job_id)
        page = await reading.job(job_id, caller.unseen)
        if page is None:
            meant = await reading.meant(job_id) if caller.reads_all else None
            raise no_job(job_id, meant)
        partner = self._partner(caller)
        return page if partner is None else page_for(partner, page)

    async def items(self, caller: Caller, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the items of a list, which has only those jobs that somebody may read.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        partner = self._partner(caller)
        if partner is None or not items:
            return items
        theirs = await self._holders.held_now({item["job_id"] for item in items}, partner.account)
        return [item_for(item, is_theirs=item["job_id"] in theirs) for item in items]

    def _partner(self, caller: Caller) -> Partner | None:
        if caller.reads_all or caller.actor is None or caller.account is None:
            return None
        is_plusone = caller.account == PLUSONE.number
        addresses = frozenset({self._policy().plus_one.email}) if is_plusone else frozenset()
        return Partner(caller.account, caller.actor.role, addresses)
