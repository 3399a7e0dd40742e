"""Answers commands that change nothing on jobs whose lifecycle doesn't run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from domain.commands import Answer, Command
from domain.lifecycles import LifecycleKind
from service.routing import Router
from store.journal import Journal
from store.lifecycles import Lifecycles
from store.reading import Reading


class Questions:
    """Answers a standalone command (`Command.standalone`) without starting a workflow."""

    def __init__(
        self,
        lifecycles: Lifecycles,
        reading: Reading,
        journal: Journal,
        router: Router,
        clock: Callable[[], datetime],
    ) -> None:
        """Take what the answers rest on.

        Args:
            lifecycles: knows which jobs there are, and whether a lifecycle of theirs runs.
            reading: shows how an ended lifecycle ended.
            journal: records who asked.
            router: has the policy that holds now.
            clock: the wall clock, aware UTC.
        """
        self._lifecycles = lifecycles
        self._reading = reading
        self._journal = journal
        self._router = router
        self._clock = clock

    async def answer(
        self, kind: LifecycleKind, job_id: str, command: Command, fields: object, attempt: str
    ) -> Answer | None:
        """Answer a command that changes nothing, and record in the journal who asked.

        Args:
            kind: the lifecycle whose command it is.
            job_id: the job.
            command: the command.
            fields: its payload, as it came.
            attempt: tells this command from all others.

        Returns:
            None if the lifecycle runs, so that its workflow answers, or if there is no such job.

        Raises:
            Refused: the role may not ask, or a field is wrong.
            StoreUnavailableError: the store does not answer.
        """
        if command.standalone is None:
            return None
        workflow_id = kind.workflow_id(job_id)
        known = await self._lifecycles.known(workflow_id)
        if known is None:
            return None
        if known.lifecycle is not None and known.lifecycle.outcome is None:
            return None
        request = kind.commands.read(command.name, fields)
        answer = command.standalone(request.payload, self._router.policy)
        said = {command.name: None, answer.journal: answer.rule}
        key = f"answered:{workflow_id}:{attempt}"
        await self._journal.noted(job_id, kind.name, request.actor, said, self._clock(), key)
        ended = await self._reading.lifecycle(workflow_id) or {}
        return Answer(
            stage=ended.get("stage", NOT_STARTED),
            waiting_on=None,
            due_at=None,
            next=ended.get("next", f"No {kind.title} is running for this job."),
            result=answer.result,
        )


NOT_STARTED = "not_started"
"""The stage in the answer on a job that the lifecycle has never followed."""
