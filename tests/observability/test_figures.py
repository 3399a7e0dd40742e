"""What alerts and the dashboard name is measured, and what is measured is right."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from httpx import ASGITransport
from prometheus_client.parser import text_string_to_metric_families
from temporalio.client import Client
from temporalio.runtime import Runtime, TelemetryConfig

from activities.job_system import (
    JobChangedError,
    JobSystemError,
    NotLetInError,
    NotReachedError,
    TurnedDownError,
)
from activities.postman import NotTakenError, UncertainError
from domain.job_system import LiveJob
from store.mail_queue import MailState, QueuedMail
from tests.desk import Desk, now
from tests.domain.factories import a_job
from tests.job_system import MemoryJobSystem
from tests.observability.metrics import is_of_core, metrics_in, shown_in
from tests.server.conftest import api
from workers.core import CoreListener
from workers.dev_server import DevServer
from workers.figures import Figures, MeasuredJobSystem
from workers.listening import Listener, WorkerHealth
from workers.measuring import MeasuredPostman
from workers.settings import Address, SettingsError, load_settings
from workflows.registry import TASK_QUEUE

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text("utf-8"))
DASHBOARD = json.loads((DEPLOY / "grafana" / "steward.json").read_text("utf-8"))


def value(figures: Figures, name: str, **labels: str) -> float:
    return figures.registry.get_sample_value(name, labels) or 0.0


# --- what is named, is there ----------------------------------------------------------------------


async def test_alerts_and_dashboard_name_metrics_that_there_are(desk: Desk) -> None:
    every = timedelta(minutes=5)
    elsewhere = MemoryJobSystem()
    async with api(desk, figures=Figures(), heartbeat=every, job_system=elsewhere) as there:
        answer = await there.http.get("/metrics")
    there_are = shown_in(answer.text)
    alerts = [rule["expr"] for group in RULES["groups"] for rule in group["rules"]]
    shown = [panel.get("targets", ()) for panel in DASHBOARD["panels"]]
    panels = [target["expr"] for targets in shown for target in targets]
    assert len(panels) > len(alerts) > 20
    named = {metric for query in (*alerts, *panels) for metric in metrics_in(query)}
    assert {each for each in named if each not in there_are and not is_of_core(each)} == set()
    assert not is_of_core("temporal_no_such_thing_total")


def test_the_dashboard_says_what_each_panel_shows() -> None:
    panels = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
    assert all(panel["title"] and panel["description"] and panel["targets"] for panel in panels)
    places = [tuple(panel["gridPos"].values()) for panel in DASHBOARD["panels"]]
    assert len(set(places)) == len(places)
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(places)


# --- the worker's listener ------------------------------------------------------------------------


async def test_a_worker_shows_its_health_and_figures(desk: Desk, server: DevServer) -> None:
    core = CoreListener.choose()
    measured = Runtime(telemetry=TelemetryConfig(metrics=core.config, attach_service_name=False))
    probe = await Client.connect(server.address, runtime=measured)
    await probe.count_workflows("")
    health = WorkerHealth(desk.database, desk.client, TASK_QUEUE)
    listener = Listener(health, Figures(), core)
    async with httpx.AsyncClient(
        transport=ASGITransport(listener),  # type: ignore[arg-type]  # an application of our own
        base_url="http://worker",
    ) as http:
        assert (await http.get("/healthz")).json() == {"status": "ok"}
        while (ready := await http.get("/readyz")).status_code != 200:  # noqa: ASYNC110  it may poll since just now
            await asyncio.sleep(0.05)
        assert ready.json() == {"ready": True, "database": "ok", "worker": "ok"}
        shown = (await http.get("/metrics")).text
        assert (await http.head("/metrics")).content == b""
        assert (await http.get("/jobs")).status_code == 404
        assert (await http.post("/healthz")).status_code == 405
    names = {family.name for family in text_string_to_metric_families(shown)}
    assert {"steward_build_info", "process_cpu_seconds", "temporal_request"} <= names

    nobody = WorkerHealth(desk.database, desk.client, "another-queue")
    ready_, said = await nobody.check()
    assert not ready_
    assert said["worker"] == "Temporal has not seen this worker ask for work"


@pytest.mark.parametrize("text", ["127.0.0.1:9090", "10.0.3.4:9090", "[::1]:9090", "0.0.0.0:9090"])
def test_the_worker_listens_on_loopback_or_a_private_network(text: str) -> None:
    assert Address.parse(text).port == 9090


@pytest.mark.parametrize("text", ["9090", "127.0.0.1", "8.8.8.8:9090", "h:1", "127.0.0.1:9090/x"])
def test_and_nowhere_else(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEWARD_WORKER_LISTEN", text)
    with pytest.raises(SettingsError, match="STEWARD_WORKER_LISTEN"):
        load_settings()


@pytest.mark.parametrize(
    ("text", "every"),
    [("off", None), ("", timedelta(minutes=5)), ("90s", timedelta(seconds=90))],
)
def test_how_often_a_heartbeat_is_sent(
    text: str, every: timedelta | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEWARD_HEARTBEAT", text)
    assert load_settings().heartbeat == every
    monkeypatch.setenv("STEWARD_HEARTBEAT", "1s")
    with pytest.raises(SettingsError, match="STEWARD_HEARTBEAT: has to be from 1m to 1h, or off"):
        load_settings()


# --- what is counted ------------------------------------------------------------------------------


class Fails:
    """A postman, and a job system, that does what it is told."""

    is_elsewhere = True

    def __init__(self, outcome: object) -> None:
        self.outcome = outcome

    async def bring(self, mail: QueuedMail, at: datetime) -> str | None:
        came: str | None = await self.read("")
        return came

    async def read(self, job_id: str) -> Any:
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


NOT_NOW = NotTakenError("busy", for_good=False)
NEVER = NotTakenError("no such user", for_good=True)
LIVE = LiveJob(job=a_job(), version=1)


@pytest.mark.parametrize(
    ("outcome", "counted"),
    [
        (None, "taken"),
        ("one of them: 550", "partly_taken"),
        (NOT_NOW, "not_now"),
        (NEVER, "refused"),
        (UncertainError("broke off"), "uncertain"),
        (ValueError("x"), "fault"),
    ],
)
async def test_mails_are_counted_by_what_came_of_them(outcome: object, counted: str) -> None:
    figures = Figures()
    mail = QueuedMail(
        id=1, key="k", to="a@b.example", subject="s", text="t", html="h", state=MailState.QUEUED
    )
    try:
        came = await MeasuredPostman(Fails(outcome), figures).bring(mail, now())
    except Exception as error:  # noqa: BLE001  whatever it is, it comes through
        came = error  # type: ignore[assignment]  # the very same, whatever it is
    assert came is outcome
    assert value(figures, "steward_mail_attempts_total", outcome=counted) == 1


@pytest.mark.parametrize(
    ("outcome", "counted"),
    [
        (LIVE, "done"),
        (NotReachedError("silent"), "no_answer"),
        (NotReachedError("open", was_asked=False), "held_back"),
        (NotLetInError("401"), "not_let_in"),
        (JobChangedError(LIVE, "409"), "job_changed"),
        (TurnedDownError("422"), "refused"),
        (JobSystemError("what?"), "unusable_answer"),
    ],
)
async def test_requests_to_the_job_system_are_counted(outcome: object, counted: str) -> None:
    figures = Figures()
    measured = MeasuredJobSystem(Fails(outcome), figures)  # type: ignore[arg-type]  # reads alone
    try:
        came: object = await measured.read("SJ-1")
    except JobSystemError as error:
        came = error
    assert came is outcome
    assert value(figures, "steward_job_system_calls_total", call="read", outcome=counted) == 1
    timed = value(figures, "steward_job_system_seconds_count", call="read")
    assert timed == (0 if counted == "held_back" else 1)
