"""Which job system this process works with, and who is told of what it writes."""

from __future__ import annotations

from activities.http_job_system import HttpJobSystem
from activities.job_system import JobSystem, OwnCopy
from activities.subscriber import Subscriber
from domain.outgoing import Destination
from domain.signatures import HookSecrets
from workers.settings import Settings


def job_system_of(settings: Settings) -> JobSystem:
    """Return the job system that the settings name, our own copy if they name none."""
    if settings.job_system_url is None or settings.job_system_token is None:
        return OwnCopy()
    return HttpJobSystem(settings.job_system_url, settings.job_system_token.get_secret_value())


def subscriber_of(settings: Settings) -> Subscriber | None:
    """Return who takes Steward's events, None if the settings name nobody."""
    if settings.events_url is None or settings.events_secrets is None:
        return None
    secrets = HookSecrets.parse(settings.events_secrets.get_secret_value())
    return Subscriber(settings.events_url, secrets)


def destinations_of(settings: Settings) -> frozenset[Destination]:
    """Return who is told of what is written."""
    told = set()
    if settings.job_system_url is not None:
        told.add(Destination.JOB_SYSTEM)
    if settings.events_url is not None:
        told.add(Destination.EVENTS)
    return frozenset(told)
