"""Whether Temporal answers in the namespace that the store belongs to.

An unknown workflow and an unknown namespace are answered alike. Nothing is concluded from such an
answer until it is proved that the namespace is the right one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import structlog
from temporalio.client import Client

from domain.faults import in_brief
from store.database import Database
from store.namespaces import Namespace, Namespaces
from store.switches import Switch, Switches
from workers.temporal import (
    NO_ANSWER,
    TemporalUnreachableError,
    find_namespace,
)

log = structlog.get_logger()

_NOT_MADE_YET = "not made yet"


class WrongNamespaceError(TemporalUnreachableError):
    """Temporal has no namespace of the configured name, or it is not the store's."""


class NamespaceGuard:
    """Knows which namespace the store belongs to, and proves that a client works in it."""

    def __init__(
        self,
        database: Database,
        client: Client,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.client = client
        self._namespaces = Namespaces(database)
        self._switches = Switches(database)
        self._clock = clock

    async def prove(self) -> None:
        """Return if the client works in the store's namespace; a store without one gets this one.

        Raises:
            WrongNamespaceError: it does not.
            TemporalUnreachableError: Temporal does not answer.
            StoreUnavailableError: the database does not answer.
        """
        found = await self._find()
        own = await self._namespaces.own() or await self._namespaces.claim(found, self._clock())
        if not same(own, found):
            raise WrongNamespaceError(differs(own, found))

    async def require_it_exists(self) -> None:
        """Return if Temporal has a namespace of the client's name, whosever it is.

        Raises:
            WrongNamespaceError: it has none.
            TemporalUnreachableError: Temporal does not answer.
        """
        await self._find()

    async def _find(self) -> Namespace:
        try:
            found = await find_namespace(self.client)
        except NO_ANSWER as error:
            said = str(error) or "not in time"
            raise TemporalUnreachableError(f"Temporal doesn't answer: {said}") from error
        if found is None:
            raise WrongNamespaceError(missing(self.client.namespace))
        return found

    async def adopt(self) -> None:
        """Make the client's namespace the store's, whichever it had.

        What runs in the other one has to be started here again: until `steward rebuild` has done
        so, nothing of it counts as lost.

        Raises:
            WrongNamespaceError: Temporal has no such namespace.
            TemporalUnreachableError: Temporal does not answer.
            StoreUnavailableError: the database does not answer.
        """
        found = await self._find()
        own = await self._namespaces.own()
        if own is None or not same(own, found):
            if own is not None and await self._namespaces.has_open_lifecycles():
                now = self._clock()
                await self._switches.turn(Switch.REBUILD_DUE, now, is_on=True)
            await self._namespaces.adopt(found, self._clock())
            if own is not None:
                log.warning("the store belongs to another namespace now", namespace=found.name)

    async def must_not_differ(self) -> None:
        """Return if the client's namespace, which may have to be made yet, can be the store's.

        Raises:
            WrongNamespaceError: the store belongs to another.
            StoreUnavailableError: the database does not answer.
        """
        own = await self._namespaces.own()
        if own is None:
            return
        found = await find_namespace(self.client)
        found = found or Namespace(name=self.client.namespace, id=_NOT_MADE_YET)
        if not same(own, found):
            raise WrongNamespaceError(differs(own, found))

    async def require_if_it_answers(self) -> None:
        """Return if a process may start in this namespace, or Temporal does not answer yet.

        Raises:
            WrongNamespaceError: the namespace is missing, or it is not the store's.
            StoreUnavailableError: the database does not answer.
        """
        try:
            await self.prove()
        except WrongNamespaceError:
            raise
        except TemporalUnreachableError as error:
            log.warning("Temporal does not answer yet", reason=in_brief(error))


def same(own: Namespace, found: Namespace) -> bool:
    """Return whether two namespaces are one: by their ids, or by name where one has no id."""
    if own.id and found.id:
        return own.id == found.id
    return own.name == found.name


def missing(name: str) -> str:
    """Return what is said of a namespace that Temporal does not have."""
    return (
        f"Temporal has no namespace {name!r}: correct TEMPORAL_NAMESPACE, or make it with "
        "`steward setup`"
    )


def differs(own: Namespace, found: Namespace) -> str:
    """Return what is said of a namespace that is not the store's."""
    if own.name != found.name:
        what = f"this database belongs to namespace {own.name!r}, not to {found.name!r}"
    else:
        what = f"this database belongs to another namespace of the name {own.name!r} ({own.id})"
    return (
        f"{what}: correct TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE, or accept it with "
        "`steward setup --adopt-namespace`"
    )
