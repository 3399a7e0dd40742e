"""Which job system this process works with, and who is told of what it writes."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Protocol

from activities.http_job_system import HttpJobSystem
from activities.http_subscriber import HttpSubscriber
from activities.job_system import JobSystem, OwnCopy
from activities.subscriber import Subscriber
from domain.outgoing import Destination
from domain.signatures import HookSecrets
from workers.settings import Settings, SettingsError

ADAPTERS = "steward.job_systems"
"""The group of entry points that adapters of the operator's own are found in."""

_SETTING = "STEWARD_JOB_SYSTEM_ADAPTER"
_PORT = ("is_elsewhere", "read", "change", "tell", "list_changed", "close")


class Adapter(Protocol):
    """What an entry point names: a class, or a function."""

    def __call__(self, *, url: str | None, token: str | None) -> JobSystem:
        """Return a job system.

        Args:
            url: `STEWARD_JOB_SYSTEM_URL`, None if it is not set.
            token: `STEWARD_JOB_SYSTEM_TOKEN`, None if it is not set.

        Raises:
            ValueError: it can't work with these; the message says why, without the token.
        """


def job_system_of(settings: Settings) -> JobSystem:
    """Return the job system that the settings name, our own copy if they name none.

    Raises:
        SettingsError: no such adapter is installed, or it can't be loaded or made.
    """
    url, secret = settings.job_system_url, settings.job_system_token
    token = None if secret is None else secret.get_secret_value()
    if settings.job_system_adapter is not None:
        return adapter_called(settings.job_system_adapter, url, token)
    if url is None or token is None:
        return OwnCopy()
    try:
        return HttpJobSystem(url, token)
    except ValueError as error:
        raise SettingsError(f"STEWARD_JOB_SYSTEM_TOKEN: {error}") from error


def adapter_called(
    name: str, url: str | None, token: str | None, *, named_by: str = _SETTING
) -> JobSystem:
    """Return what an adapter makes that the operator installed.

    Args:
        name: that of its entry point.
        url: `STEWARD_JOB_SYSTEM_URL`, None if it is not set.
        token: `STEWARD_JOB_SYSTEM_TOKEN`, None if it is not set.
        named_by: the setting or option that the name comes from, for the errors.

    Raises:
        SettingsError: no such adapter is installed, or it can't be loaded or made.
    """

    def problem(what: str) -> SettingsError:
        return SettingsError(f"{named_by}: {what}")

    installed = entry_points(group=ADAPTERS)
    found = next(iter(installed.select(name=name)), None)
    if found is None:
        names = ", ".join(sorted(installed.names)) or "none"
        raise problem(f'no adapter "{name}" is installed in {ADAPTERS}. Installed: {names}')
    try:
        adapter: Adapter = found.load()
    except (ImportError, AttributeError) as error:
        raise problem(f"{found.value} can't be loaded: {error}") from error
    if not callable(adapter):
        raise problem(f"{found.value} can't be called with url and token")
    try:
        system = adapter(url=url, token=token)
    except (TypeError, ValueError) as error:
        raise problem(f"{found.value} can't be made: {error}") from error
    if missing := [each for each in _PORT if not hasattr(system, each)]:
        raise problem(f"what {found.value} returns is no job system: it lacks {missing[0]}")
    return system


def subscriber_of(settings: Settings) -> Subscriber | None:
    """Return who takes Steward's events, None if the settings name nobody."""
    if settings.events_url is None or settings.events_secrets is None:
        return None
    secrets = HookSecrets.parse(settings.events_secrets.get_secret_value())
    return HttpSubscriber(settings.events_url, secrets)


def destinations_of(settings: Settings) -> frozenset[Destination]:
    """Return who is told of what is written."""
    told = set()
    if settings.job_system_url is not None or settings.job_system_adapter is not None:
        told.add(Destination.JOB_SYSTEM)
    if settings.events_url is not None:
        told.add(Destination.EVENTS)
    return frozenset(told)
