"""A fleet of short stories, told by a job system whose hooks may get lost, doubled and late."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter, defaultdict
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from domain.jobs import Job
from domain.policy import Policy, parse_policy
from store import schema
from tests.conferences import AT_ANY_HOUR, OKLAHOMA, TULSA
from tests.desk import DANA, PLUSONE, Desk, account, acting, iso, now
from tests.follow_ups import tulsa_plumbing
from tests.job_system import MemoryJobSystem

POLICY: Policy = parse_policy(AT_ANY_HOUR, "at-any-hour.toml")
RIVAL = account("City Plumbers", "4712") | {"zip": "73102"}
APO = account("Alternate Provider Option")
_AT_ONCE, _NOT_NOW = 16, 503


@dataclass(frozen=True)
class Step:
    """Something that happens to a job in the job system, and the hook that tells of it."""

    type: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    role: str = "dispatch"


@dataclass(frozen=True)
class Story:
    """How a job begins, and what happens to it."""

    name: str
    assigned_to: Mapping[str, Any]
    steps: Sequence[Step]
    command: tuple[str, str, Mapping[str, Any]] | None = None
    """What a person does at the beginning: lifecycle, command, fields; None where a hook starts
    the procedure."""


def _status(status: str) -> Step:
    type_ = "job.cancelled" if status == "Cancelled" else "job.status_changed"
    return Step(type_, {"status": status})


def _assigned(to: Mapping[str, Any]) -> Step:
    return Step("job.assigned", {"assigned_to": to, "status": "New"})


_REPORTED = Step("job.report_submitted", {"diagnostic_report_at": "now"}, {"complete": True})
_CONFIRMED = Step("job.appointment_confirmed", {"appointment_at": "soon"}, {"kind": "diagnosis"})
_CANCELLED, _ACCEPTED, _COMPLETED = map(_status, ("Cancelled", "Accepted", "Completed"))
_URGENT = Step("job.severity_changed", {"severity": "Emergency"})
_CONCERN = ("am-escalation", "report_concern", {"concern": "It leaks again"})
_CONFERENCE = (
    "reassignment",
    "start_reassignment",
    {"reason": "Too late", "urgent": False, "candidates": [TULSA, OKLAHOMA]},
)
_SPOC = tulsa_plumbing()
_SLOW = account("Slow Plumbers", "4700")


def _story(name: str, to: Mapping[str, Any], *steps: Step, command: Any = None) -> Story:
    return Story(name, to, steps, command)


STORIES = {
    "plus-one": [
        _story("completed", PLUSONE, _ACCEPTED, _COMPLETED),
        _story("cancelled", PLUSONE, _CANCELLED),
        _story("taken away", PLUSONE, _assigned(RIVAL), _ACCEPTED),
        _story("became urgent", PLUSONE, _URGENT),
        _story("reported and cancelled", PLUSONE, _ACCEPTED, _REPORTED, _CANCELLED),
    ],
    "apo": [
        _story("cancelled", APO, _CANCELLED),
        _story("a provider after all", APO, _assigned(RIVAL), _ACCEPTED),
        _story("completed", APO, _ACCEPTED, _COMPLETED),
    ],
    "am-escalation": [
        _story("cancelled", _SPOC, _ACCEPTED, _CANCELLED, command=_CONCERN),
        _story("cancelled later", _SPOC, _assigned(RIVAL), _ACCEPTED, _CANCELLED, command=_CONCERN),
    ],
    "spoc": [
        _story("closed", _SPOC, _CONFIRMED, _REPORTED, _COMPLETED),
        _story("cancelled", _SPOC, _CONFIRMED, _CANCELLED),
        _story("another provider", _SPOC, _CONFIRMED, _REPORTED, _assigned(RIVAL)),
    ],
    "reassignment": [
        _story("assigned by hand", _SLOW, _assigned(RIVAL), _ACCEPTED, command=_CONFERENCE),
        _story("cancelled", _SLOW, _CANCELLED, command=_CONFERENCE),
        _story("completed", _SLOW, _COMPLETED, command=_CONFERENCE),
    ],
}
"""Of each kind of lifecycle, stories that end by what the job shows."""


@dataclass(frozen=True)
class Disturbance:
    """What happens to hooks on their way, as shares of all."""

    dropped: float = 0.0
    doubled: float = 0.0
    late: float = 0.0


@dataclass(frozen=True)
class Hook:
    """A hook on its way."""

    id: str
    body: dict[str, Any]


@dataclass
class Fleet:
    """Jobs of all kinds, in the job system and at the desk."""

    desk: Desk
    partner: MemoryJobSystem
    name: str
    stories: Sequence[Story]
    chance: random.Random
    disturbance: Disturbance = field(default_factory=Disturbance)
    late: dict[int, list[Hook]] = field(default_factory=lambda: defaultdict(list))
    counts: Counter[str] = field(default_factory=Counter)

    def job_id(self, index: int) -> str:
        return f"SJ-{self.name}-{index}"

    @property
    def indexes(self) -> range:
        return range(len(self.stories))

    async def run(self, *, reconciles: bool) -> list[str]:
        """Have every story happen; return what reconciliation found to be missed."""
        missed: list[str] = []
        await self.begin()
        for wave in self.waves:
            await self._send(self._happening_in(wave), wave)
            missed += await self._reconciled() if reconciles else []
        for wave in sorted(self.late):
            await self._post(self.late.pop(wave))
        missed += await self._reconciled() if reconciles else []
        await self.until_all_have_ended()
        return missed

    @property
    def waves(self) -> range:
        """The places of all steps that stories have."""
        return range(max(len(story.steps) for story in self.stories))

    async def goes_on(self, wave: int, *, waits: bool = True) -> None:
        """Have the next step of every story happen; nothing gets lost.

        Args:
            wave: the place of the step.
            waits: whether to wait until the lifecycles are told; nobody may be there to tell them.
        """
        hooks = self._happening_in(wave)
        await _some_at_a_time(self._post_one(hook) for hook in hooks)
        if waits:
            await self.until_delivered()

    async def begin(self) -> None:
        """Have the jobs entered; those that a person begins are known before that."""
        by_hand, by_hook = list[Hook](), list[Hook]()
        for index in self.indexes:
            story = self.stories[index]
            self.partner.enter(self._entered(index, story))
            step = Step("job.created" if story.command else "job.assigned")
            (by_hand if story.command else by_hook).append(self._hook(index, step, 0))
        await self._post(by_hand)
        await _some_at_a_time(
            self._command(index, self.stories[index].command) for index in self.indexes
        )
        await self._send(by_hook, 0)
        if self.disturbance != Disturbance():
            await self._reconciled()

    async def _command(
        self, index: int, command: tuple[str, str, Mapping[str, Any]] | None
    ) -> None:
        if command is None:
            return
        lifecycle, name, fields = command
        body = {"actor": acting("customer_service"), **fields}
        path = f"/jobs/{self.job_id(index)}/{lifecycle}/{name}"
        response = await self.desk.http.post(path, json=body)
        assert response.status_code == 200, response.text

    def _entered(self, index: int, story: Story) -> Job:
        return Job.model_validate(
            {
                "job_id": self.job_id(index),
                "order_id": f"SO-{self.name}-{index}",
                "status": "New",
                "trade": "Plumbing",
                "item": {"name": "Kitchen faucet"},
                "assigned_to": story.assigned_to,
                "assigned_at": iso(now()),
                "customer": {"name": "Ada Byron", "email": "ada@example.com", "zip": "74101"},
                "brand": "Cinch",
            }
        )

    def _happening_in(self, wave: int) -> list[Hook]:
        hooks = []
        for index in self.indexes:
            steps = self.stories[index].steps
            if wave < len(steps):
                hooks.append(self._happen(index, steps[wave], wave + 1))
        return hooks

    def _happen(self, index: int, step: Step, place: int) -> Hook:
        """Change a job in the job system, and return the hook that tells of it."""
        at = now()
        instants = {"now": iso(at), "soon": iso(at - timedelta(seconds=1))}
        changes = {
            name: instants.get(value, value) if isinstance(value, str) else value
            for name, value in step.changes.items()
        }
        if step.type == "job.assigned":
            changes["assigned_at"] = iso(at)
        told = self.partner.jobs[self.job_id(index)].model_dump(mode="json") | changes
        self.partner.enter(Job.model_validate(told))
        return self._hook(index, step, place)

    def _hook(self, index: int, step: Step, place: int) -> Hook:
        job = self.partner.jobs[self.job_id(index)].model_dump(mode="json")
        data = dict(step.data)
        if step.type == "job.appointment_confirmed":
            data["at"] = job["appointment_at"]
        body = {"type": step.type, "occurred_at": iso(now()), "actor": DANA, "job": job}
        return Hook(f"msg_{self.name}_{index}_{place}", body | {"data": data})

    async def _send(self, hooks: Sequence[Hook], wave: int) -> None:
        """Send hooks as the disturbance has it, with those that are late by now."""
        sent: list[Hook] = []
        for hook in hooks:
            fate, doubled = self.chance.random(), self.chance.random()
            if fate < self.disturbance.dropped:
                self.counts["dropped"] += 1
                continue
            if fate < self.disturbance.dropped + self.disturbance.late:
                self.counts["late"] += 1
                self.late[wave + self.chance.choice((1, 2))].append(hook)
                continue
            sent.append(hook)
            if doubled < self.disturbance.doubled:
                self.counts["doubled"] += 1
                sent.append(hook)
        sent += self.late.pop(wave, [])
        if self.disturbance != Disturbance():
            self.chance.shuffle(sent)
        await self._post(sent)

    async def _post(self, hooks: Iterable[Hook]) -> None:
        await _some_at_a_time(self._post_one(hook) for hook in hooks)
        await self.until_delivered()

    async def _post_one(self, hook: Hook) -> None:
        raw = json.dumps(hook.body).encode()
        while (response := await self.desk.post_event(raw, hook.id)).status_code == _NOT_NOW:  # noqa: ASYNC110  it can only be sent again
            await asyncio.sleep(0.5)
        assert response.status_code == 200, response.text
        assert response.json()["outcome"] != "dead_letter", response.text

    async def _reconciled(self) -> list[str]:
        """Reconcile until the list is read to its end; return what was missed."""
        missed, answer = list[str](), dict[str, Any]()
        for _ in range(50):
            found = await self.desk.http.post("/reconcile", json={"actor": acting("admin_team")})
            assert found.status_code == 200, found.text
            answer = found.json()
            missed += [f"{each['job_id']} {each['what']}" for each in answer["missed"]]
            await self.until_delivered()
            if answer["done"] and not answer["left"]:
                assert answer["unreadable"] == []
                return missed
        raise AssertionError(f"it does not come to an end: {answer}")

    async def until_delivered(self) -> None:
        """Return once the inbox is empty and every lifecycle has heard what it was told."""
        pending = select(func.count()).where(schema.inbox.c.state.in_(("pending", "faulty")))
        while await self.desk.database.read(lambda connection: connection.scalar(pending)):  # noqa: ASYNC110  no event tells of it
            await asyncio.sleep(0.05)

    async def until_all_have_ended(self) -> None:
        open_ = select(schema.lifecycles.c.workflow_id).where(
            schema.lifecycles.c.job_id.like(f"SJ-{self.name}-%"),
            schema.lifecycles.c.outcome.is_(None),
        )
        left: list[str] = []
        for _ in range(6000):
            left = await self.desk.database.read(lambda connection: [*connection.scalars(open_)])
            if not left:
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"{len(left)} lifecycles do not end: {left[:10]}")

    async def ends(self) -> dict[int, dict[str, Any]]:
        """Return how each story ended: its lifecycles, its job and its assignments."""
        ends: dict[int, dict[str, Any]] = {
            index: {"story": self.stories[index].name, "lifecycles": {}, "assignments": []}
            for index in self.indexes
        }
        jobs, lifecycles, assignments = await self.desk.database.read(
            lambda connection: tuple(
                connection.execute(
                    select(table).where(table.c.job_id.like(f"SJ-{self.name}-%"))
                ).all()
                for table in (schema.jobs, schema.lifecycles, schema.assignments)
            )
        )
        for row in jobs:
            ends[_index(row.job_id)]["job"] = _without_instants(row.job)
        for row in lifecycles:
            ends[_index(row.job_id)]["lifecycles"][row.lifecycle] = (row.outcome, row.episode)
        for row in sorted(assignments, key=lambda row: row.at):
            ends[_index(row.job_id)]["assignments"].append((row.number, row.name))
        return ends


def a_fleet(count: int) -> list[Story]:
    """Return so many stories, of all kinds alike."""
    kinds = list(STORIES.values())
    return [
        stories[index // len(kinds) % len(stories)]
        for index in range(count)
        for stories in (kinds[index % len(kinds)],)
    ]


def _index(job_id: str) -> int:
    return int(job_id.rpartition("-")[2])


def _without_instants(job: Mapping[str, Any]) -> dict[str, Any]:
    """Return a job without what differs from run to run; of an instant, whether there is one."""
    shown = {name: value for name, value in job.items() if name not in ("job_id", "order_id")}
    return {
        name: (value is not None) if name.endswith("_at") else value
        for name, value in shown.items()
    }


async def _some_at_a_time(doing: Iterable[Awaitable[None]]) -> None:
    each = iter(doing)

    async def work() -> None:
        for one in each:
            await one

    await asyncio.gather(*(work() for _ in range(_AT_ONCE)))
