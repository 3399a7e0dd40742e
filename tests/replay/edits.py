"""Edits that a release may, and may not, make: each is a change of a few lines of our own code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Found = Literal["names", "reading", "replay", "fingerprint"]


@dataclass(frozen=True)
class Edit:
    """A change of the code: in each file, one text is replaced by another wherever it stands."""

    title: str
    changes: tuple[tuple[str, str, str], ...]
    found_by: Found | None = None
    """What catches it; None where it harms no job that runs."""
    lifecycle: str = "plus-one"
    """Whose recorded histories show it."""


def _one(
    title: str, file: str, old: str, new: str, found_by: Found | None = None, lifecycle: str = ""
) -> Edit:
    return Edit(title, ((file, old, new),), found_by, lifecycle or "plus-one")


BREAKING = (
    _one(
        "another name for an activity",
        "workflows/effects.py",
        '"record_progress")',
        '"note_progress")',
        "replay",
    ),
    _one(
        "an activity registered under another name",
        "activities/effects.py",
        '@activity.defn(name="record_progress")',
        '@activity.defn(name="write_progress")',
        "names",
    ),
    _one(
        "search attributes set before the batch instead of after it",
        "workflows/publisher.py",
        "        progress, result = self.progress(), None\n",
        "        progress, result = self.progress(), None\n        self.describe()\n",
        "replay",
    ),
    _one(
        "a reminder taken out",
        "workflows/plus_one.py",
        "self.wait(waits.search_promise(self.case), self.reminder_due)",
        "self.wait(waits.search_promise(self.case))",
        "fingerprint",
    ),
    _one(
        "a timer that runs twice as long",
        "workflows/alarm.py",
        "sleep = self._runtime.sleep(at - self._runtime.now(), summary)",
        "sleep = self._runtime.sleep(2 * (at - self._runtime.now()), summary)",
        "fingerprint",
    ),
    _one(
        "another name for the signal that tells of events",
        "workflows/messages.py",
        'JOB_EVENT = "job_event"',
        'JOB_EVENT = "event_of_job"',
        "names",
    ),
    Edit(
        "another name for a command",
        (
            ("domain/plus_one/payloads.py", "UpdateParts", "TellParts"),
            ("domain/plus_one/commands.py", "UpdateParts", "TellParts"),
            ("workflows/plus_one.py", "payloads.UpdateParts", "payloads.TellParts"),
            ("workflows/plus_one.py", "def update_parts(", "def tell_parts("),
        ),
        "names",
    ),
    Edit(
        "a field of a batch renamed without an alias",
        (
            ("domain/effects.py", "    known_version: int | None", "    version: int | None"),
            ("workflows/effects.py", "            known_version=", "            version="),
            ("store/ledger.py", "self._batch.known_version", "self._batch.version"),
        ),
        "reading",
        "apo",
    ),
    _one(
        "a field that every job must have from now on",
        "domain/jobs.py",
        "    job_id: JobId\n    order_id",
        "    job_id: JobId\n    region: Label\n    order_id",
        "reading",
    ),
    _one(
        "a field that every start must have from now on",
        "domain/lifecycles.py",
        "    job_version: int\n    policy: Policy\n    episode: int\n",
        "    job_version: int\n    tenant: str\n    policy: Policy\n    episode: int\n",
        "reading",
    ),
    _one(
        "a field that every case must have from now on",
        "domain/plus_one/case.py",
        "    announced: bool = False\n",
        "    announced: bool\n",
        "replay",
    ),
    _one(
        "a stage renamed",
        "domain/plus_one/case.py",
        'ACCEPTED = "accepted"',
        'ACCEPTED = "taken_on"',
        "names",
    ),
    _one(
        "a role renamed",
        "domain/role.py",
        'DISPATCH = "dispatch"',
        'DISPATCH = "dispatchers"',
        "reading",
    ),
    _one(
        "another name for a patch",
        "workflows/mails.py",
        '"mails-are-let-go"',
        '"mails-let-go"',
        "names",
    ),
    _one(
        "a search attribute that is no longer registered",
        "workflows/search_attributes.py",
        "    DUE_AT,\n",
        "",
        "names",
    ),
    _one(
        "a search attribute under another name",
        "workflows/search_attributes.py",
        'for_keyword("WaitingOn")',
        'for_keyword("WaitsFor")',
        "names",
    ),
    _one(
        "another name for a workflow type",
        "domain/plus_one/kind.py",
        'workflow_type="PlusOneSearch"',
        'workflow_type="SearchByPlusOne"',
        "names",
    ),
    _one(
        "a rule changed in place",
        "domain/plus_one/rules.py",
        "return job.assigned_at + policy.plus_one.customer_expectation",
        "return job.assigned_at + policy.plus_one.customer_expectation / 2",
        "fingerprint",
    ),
    _one(
        "one note more, in a batch that writes one already",
        "workflows/plus_one.py",
        "        self.note(texts.SEARCH_NOTE)  # PO-30\n",
        "        self.note(texts.SEARCH_NOTE)  # PO-30\n        self.note('See PO-17.')\n",
        "fingerprint",
    ),
    _one(
        "one effect more, which its batch is named for",
        "workflows/plus_one.py",
        "        self.case.expectation_passed = True\n",
        "        self.case.expectation_passed = True\n        self.note('Reminded.')\n",
        "replay",
    ),
    _one(
        "the branch of an old edition removed while jobs of it run",
        "workflows/lifecycle.py",
        "        if self.case.edition >= Edition.FACTS_BY_MEANING:\n"
        "            self.end(CANCELLED, PromiseOutcome.WAIVED)\n",
        "        if self.case.edition >= Edition.FIRST:\n"
        "            self.end(CANCELLED, PromiseOutcome.WAIVED)\n",
        "replay",
    ),
    _one(
        "starts from before editions counted as the newest",
        "domain/lifecycles.py",
        "edition: int = Edition.FIRST",
        "edition: int = max(Edition)",
        "replay",
    ),
    _one(
        "an activity more at the start",
        "workflows/plus_one.py",
        "        while not self.ended:\n            if not self.case.announced:\n",
        "        await self.engine.publisher.flush(None, 'one more')\n"
        "        while not self.ended:\n            if not self.case.announced:\n",
        "replay",
    ),
    _one(
        "something left behind at Continue-As-New",
        "workflows/episode.py",
        '                "case": self._case,\n',
        "",
        "fingerprint",
        "spoc",
    ),
    _one(
        "an end called otherwise",
        "workflows/episode.py",
        "            self._runtime.continue_as_new(self._next_start.model_copy(update=unsent))\n"
        "        return self._case.stage\n",
        "            self._runtime.continue_as_new(self._next_start.model_copy(update=unsent))\n"
        '        return f"{self._case.stage} at last"\n',
        "fingerprint",
    ),
)
"""Each of these would harm jobs that run, and is caught before a release."""

HARMLESS = (
    _one("a comment", "workflows/plus_one.py", "  # PO-30\n", "  # PO-30, word for word\n"),
    _one(
        "a docstring",
        "workflows/alarm.py",
        '"""Whether the instant has come."""',
        '"""Whether it is time."""',
    ),
    _one(
        "a log line",
        "workflows/temporal.py",
        '"%s: the effects of %s wait"',
        '"%s keeps the effects of %s waiting"',
    ),
    _one(
        "the text of a note",
        "domain/texts.py",
        "SEARCH_NOTE = (\n",
        "SEARCH_NOTE = (\n    'PS. '\n",
    ),
    _one(
        "the text of a task",
        "workflows/plus_one.py",
        '"Ask PlusOne how its search is going. ',
        '"Call PlusOne, and ask how its search is going. ',
    ),
    _one(
        "the text of a refusal",
        "workflows/temporal.py",
        '"The workflow is continuing as new. Send the update again."',
        '"The workflow is continuing as new. Please send the update again."',
    ),
    _one("a label", "domain/labels.py", '"PlusOne is searching"', '"PlusOne searches"'),
    _one(
        "the summary of a timer",
        "workflows/waiting.py",
        'return f"{promise.waiting_on.label}: {promise.duty} ({promise.rule})"[:400]',
        'return f"{promise.waiting_on.label} has to {promise.duty}, {promise.rule}"[:400]',
    ),
    _one(
        "what Temporal UI shows of a job",
        "workflows/publisher.py",
        'f"Needs attention: {',
        'f"Look at this: {',
    ),
    _one(
        "the description of a signal",
        "workflows/temporal.py",
        '"An event of the job system; sent by Steward\'s hooks."',
        '"An event of the job system."',
    ),
    _one(
        "a new field of a job, which may be missing",
        "domain/jobs.py",
        "    job_id: JobId\n    order_id",
        "    job_id: JobId\n    region: Label | None = None\n    order_id",
    ),
    _one(
        "a new field of a start, which has a default",
        "domain/lifecycles.py",
        "    job_version: int\n    policy: Policy\n    episode: int\n",
        "    job_version: int\n    tenant: str = ''\n    policy: Policy\n    episode: int\n",
    ),
    _one(
        "a new field of a batch, which has a default",
        "domain/effects.py",
        "    sequence: int\n",
        "    sequence: int\n    urgent: bool = False\n",
    ),
    _one(
        "a new setting of the policy, which does what was done before",
        "domain/policy.py",
        "    sender: Mailbox\n",
        "    sender: Mailbox\n    copies: int = 0\n",
    ),
    _one(
        "a new signal",
        "workflows/temporal.py",
        '        "begin_anew": _signal_handler(\n',
        '        "poke": _signal_handler("poke", "Nothing.", lambda engine, read: None),\n'
        '        "begin_anew": _signal_handler(\n',
    ),
    _one(
        "a new search attribute, registered before it is used",
        "workflows/search_attributes.py",
        "    ATTENTION,\n)",
        '    ATTENTION,\n    SearchAttributeKey.for_keyword("Region"),\n)',
    ),
    _one(
        "an activity more behind a patch",
        "workflows/plus_one.py",
        "        while not self.ended:\n            if not self.case.announced:\n",
        "        if self.patched('greets'):\n"
        "            await self.engine.publisher.flush(None, 'one more')\n"
        "        while not self.ended:\n            if not self.case.announced:\n",
    ),
    Edit(
        "a rule changed from an edition on",
        (
            (
                "domain/editions.py",
                "    EVERY_CLAUSE = 4\n",
                "    HALF_THE_TIME = 5\n    EVERY_CLAUSE = 4\n",
            ),
            (
                "workflows/plus_one.py",
                "        return rules.expectation_ends(self.case.job, self.case.policy)\n",
                (
                    "        due = rules.expectation_ends(self.case.job, self.case.policy)\n"
                    "        if self.case.edition >= Edition.HALF_THE_TIME:\n"
                    "            return due - (due - self.case.job.assigned_at) / 2\n"
                    "        return due\n"
                ),
            ),
        ),
    ),
    _one(
        "more patience with the store",
        "workflows/temporal.py",
        "_STORE_TIME = timedelta(seconds=30)",
        "_STORE_TIME = timedelta(seconds=40)",
    ),
    Edit(
        "a method renamed",
        (
            ("workflows/episode.py", "def _is_done(", "def _has_nothing_left("),
            ("workflows/episode.py", "self._is_done()", "self._has_nothing_left()"),
        ),
    ),
    _one(
        "a calculation written otherwise",
        "domain/plus_one/rules.py",
        "return job.assigned_at + policy.plus_one.customer_expectation",
        "told = policy.plus_one.customer_expectation\n    return told + job.assigned_at",
    ),
    _one(
        "the text of an e-mail",
        "activities/templates/apo_instructions.txt",
        "\n",
        "\n\n",
    ),
)
"""Each of these leaves jobs that run as they are: it must not be taken for a breaking one."""
