"""How a desk of the tests is in production: encrypted payloads, and a token for whoever asks."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol

import httpx
from google.protobuf.message import Message
from pydantic import ValidationError
from sqlalchemy import Connection, text
from temporalio.api.common.v1 import Payload
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowHistory

from domain.roles import EMPLOYEES, Actor, Role
from store import schema
from store.data_keys import DataKeys
from store.database import Database
from store.key_ring import KeyRing, new_ring_key
from store.ring_keys import RingKeys
from store.switches import Switch, Switches
from store.tokens import TokenStore
from workers.sealing import sealed

IN_PRODUCTION = os.environ.get("STEWARD_TESTS") == "production"
"""Whether scenarios run on PostgreSQL, encrypted and with tokens: `make production` does so."""

_READER = Actor(name="Robin of supervisor", role=Role.SUPERVISOR)
"""Who asks where no body says who does."""
_HOOKS = "/hooks/jobs"
_RING = KeyRing((new_ring_key(),))
"""The key ring of all stores of a run: whoever opens one again needs the same."""


class Job(Protocol):
    """What is to be known of a job in order to make a token for it."""

    @property
    def id(self) -> str:
        """The job's number."""


class Bearer(httpx.Auth):
    """Shows the token of whoever a request's body names, made when they first ask."""

    requires_request_body = True

    def __init__(self, store: TokenStore, jobs: Sequence[Job]) -> None:
        """Take where tokens are made, and the jobs that partners and customers have theirs for."""
        self._store = store
        self._jobs = jobs
        self._made: dict[tuple[Actor, tuple[str, ...]], str] = {}

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Add the token, but to what the job system tells: it signs that."""
        if request.url.path != _HOOKS:
            request.headers["Authorization"] = f"Bearer {await self._token(request)}"
        yield request

    async def _token(self, request: httpx.Request) -> str:
        actor = _actor_of(request.content)
        asked_for = () if actor.role in EMPLOYEES else self._jobs_in(request.url.path)
        if (actor, asked_for) not in self._made:
            new = await self._store.new(actor, datetime.now(UTC), jobs=asked_for)
            self._made[actor, asked_for] = new.token
        return self._made[actor, asked_for]

    def _jobs_in(self, path: str) -> tuple[str, ...]:
        return tuple(job.id for job in self._jobs if job.id in path.split("/"))


def _actor_of(body: bytes) -> Actor:
    try:
        said = json.loads(body)
    except ValueError:
        return _READER
    named = said.get("actor") if isinstance(said, Mapping) else None
    try:
        return Actor.model_validate(named)
    except ValidationError:
        return _READER


def keep_out(connection: Connection) -> None:
    """Let nobody else write: SQLite does so by itself, PostgreSQL has rows written side by side.

    Tokens can still be made, as they are here for whoever asks first.
    """
    if connection.dialect.name == "postgresql":
        tables = ", ".join(name for name in schema.metadata.tables if name != schema.tokens.name)
        connection.execute(text(f"LOCK TABLE {tables} IN SHARE ROW EXCLUSIVE MODE"))


async def opened(client: Client, history: WorkflowHistory) -> list[HistoryEvent]:
    """Return the events of a history as those see them who may open its payloads."""
    return [await _opened(client, event) for event in history.events]


async def _opened(client: Client, event: HistoryEvent) -> HistoryEvent:
    codec, copy = client.data_converter.payload_codec, HistoryEvent()
    copy.CopyFrom(event)
    if codec is not None:
        for payload in payloads_in(copy):
            (plain,) = await codec.decode([payload])
            payload.CopyFrom(plain)
    return copy


def payloads_in(message: Message) -> Iterator[Payload]:
    """Yield every payload in a message of Temporal's."""
    if isinstance(message, Payload):
        yield message
        return
    for field, value in message.ListFields():
        map_entry = field.message_type is not None and field.message_type.GetOptions().map_entry
        values = value.values() if map_entry else value if field.is_repeated else [value]
        for each in values:
            if isinstance(each, Message):
                yield from payloads_in(each)


async def encrypted(client: Client, database: Database) -> Client:
    """Return a client that seals what it sends with keys of a store, which seals from now on."""
    await RingKeys(database).claim(_RING, datetime.now(UTC))
    await Switches(database).turn(Switch.PAYLOADS, datetime.now(UTC), is_on=True)
    return sealed(client, DataKeys(database, lambda: _RING))
