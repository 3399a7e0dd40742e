"""One trace leads from a hook to mail and job system, and tells nothing of anybody."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, Mock

import httpx
import pytest
import structlog
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from structlog.stdlib import ExtraAdder
from structlog.testing import capture_logs
from temporalio.api.common.v1 import Header, Payload, WorkflowExecution
from temporalio.api.workflowservice.v1 import SignalWorkflowExecutionRequest
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, ApplicationError, ApplicationErrorCategory
from temporalio.testing import ActivityEnvironment
from temporalio.worker import Replayer

from activities.http_job_system import HttpJobSystem
from activities.job_system import JobSystemError
from activities.postman import NotTakenError
from domain.effects import JOB_SYSTEM_SILENT, AddNote, Batch
from domain.jobs import Visibility
from domain.roles import STEWARD
from starters.doorkeeper import Doorkeeper, Limits
from store.database import Database, StoreUnavailableError, migrate
from store.ledger import Ledger
from tests.desk import Desk, Letterbox, open_desk, sqlite_url
from tests.partner import Partner
from tests.ports import free_port
from tests.production import encrypted
from tests.replay.record import FOLDER
from tests.replay.test_replay import history
from tests.store.rows import a_batch
from workers.correlation import Correlating, done_for
from workers.dev_server import DevServer, ServerOptions
from workers.figures import Figures, MeasuredJobSystem
from workers.measuring import MeasuredPostman
from workers.payloads import DATA_CONVERTER
from workers.settings import SettingsError
from workers.spans import NO_SPANS, spans_of
from workers.telemetry import _TOLD_BESIDE, _add_trace
from workers.tracing import Discreet, Tracing
from workers.worker import runner
from workflows.messages import REQUESTED_BY
from workflows.registry import WORKFLOWS
from workflows.runtime import StoreNotReachedError
from workflows.temporal import TemporalRuntime, _request_id_of

BENIGN = ApplicationErrorCategory.BENIGN
CANARIES = ("Tweety", "tweety", "canary.example", "918-555-0199")
NAME, MAIL, PHONE = "Tweety Byron", "tweety@canary.example", "918-555-0199"


@dataclass
class Traced:
    tracing: Tracing
    kept: InMemorySpanExporter

    def spans(self) -> list[ReadableSpan]:
        return list(self.kept.get_finished_spans())

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.spans() if span.name == name]

    def text(self) -> str:
        return "\n".join(span.to_json() for span in self.spans())


def traced() -> Traced:
    kept, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(Discreet(kept)))
    return Traced(Tracing(provider), kept)


def trace_of(span: ReadableSpan) -> int:
    assert span.context is not None
    return int(span.context.trace_id)


def ancestors(span: ReadableSpan, all_: list[ReadableSpan]) -> list[str]:
    by_id = {each.context.span_id: each for each in all_ if each.context is not None}
    names, at = [span.name], span
    while at.parent is not None and (above := by_id.get(at.parent.span_id)) is not None:
        names.append(above.name)
        at = above
    return names


@dataclass
class Office:
    desk: Desk
    traced: Traced


@pytest.fixture(scope="module")
async def office(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    """A desk whose every part keeps traces, at a server of its own; what it sends is sealed."""
    found, figures, letterbox = traced(), Figures(), Letterbox()
    refused = NotTakenError(f"550 <{MAIL}>: {NAME}", for_good=True, for_logs="RCPT 550")
    letterbox.failures = {"SJ": [refused]}
    server = DevServer(ServerOptions(port=free_port(), ui_port=None, database=None))
    url = sqlite_url(tmp_path_factory.mktemp("traced"))
    migrate(url)
    keys = Database(url)
    client = found.tracing.on(await encrypted(await server.start(), keys))
    jobs = MeasuredJobSystem(Partner(), figures, found.tracing)
    postman = MeasuredPostman(letterbox, figures, found.tracing)
    async with open_desk(
        client, url, postman=postman, job_system=jobs, spans=found.tracing
    ) as desk:
        yield Office(desk, found)
    await keys.close()
    await server.stop()


async def test_a_trace_leads_from_a_hook_to_a_mail_and_names_nobody(office: Office) -> None:
    desk, found = office.desk, office.traced
    customer = {"name": NAME, "email": MAIL, "phone": PHONE, "zip": "74101", "state": "OK"}
    job = desk.job(customer=customer)
    await job.assigned()
    await job.note(f"{NAME} says: call {PHONE}")
    await job.accepted()
    await job.reported()
    await job.ok("request_info", "authorizations", what=f"Ask {NAME} at {PHONE}")
    await job.signal(NAME.replace(" ", "_"), {"text": MAIL})
    for strange in (b"junk", b'{"traceparent": 5}', b"[]", b'"x"'):
        await desk.client.workflow_service.signal_workflow_execution(
            SignalWorkflowExecutionRequest(
                namespace=desk.client.namespace,
                workflow_execution=WorkflowExecution(workflow_id=job.workflow_id),
                signal_name="strange",
                header=Header(
                    fields={
                        "_tracer-data": Payload(metadata={"encoding": b"json/plain"}, data=strange)
                    }
                ),
            )
        )
    await job.refused("update_parts", "customer", text=NAME)
    await job.rests()

    hook = found.named("hook")[0]
    (started,) = found.named("StartWorkflow:PlusOneSearch")
    assert ancestors(started, found.spans())[-1] == "hook"
    (ran,) = found.named("RunWorkflow:PlusOneSearch")
    assert trace_of(ran) == trace_of(started) == trace_of(hook)
    done = [span for span in found.spans() if span.name.startswith("RunActivity:")]
    assert {trace_of(span) for span in done if span.parent is not None} >= {trace_of(hook)}
    mails = found.named("send e-mail")
    assert mails, sorted({span.name for span in found.spans()})
    assert any(ancestors(mail, found.spans())[-1] == "hook" for mail in mails)
    assert found.named("HandleSignal:job_event")
    (sent,), (carried_out,) = (
        found.named(f"{step}:request_info") for step in ("StartWorkflowUpdate", "HandleUpdate")
    )
    assert trace_of(carried_out) == trace_of(hook) != trace_of(sent)
    assert sent.context is not None
    (link,) = carried_out.links
    assert (link.context.trace_id, link.context.span_id) == (trace_of(sent), sent.context.span_id)
    assert (sent.attributes or {}).get("steward.request_id")
    assert found.named("HandleSignal:unknown"), "what a stranger calls a signal is not told"
    assert [name for name in CANARIES if name in found.text()] == []


def test_of_a_fault_a_trace_tells_the_kind_alone() -> None:
    found = traced()

    def fail() -> None:
        with found.tracing.span("hook", event_id="evt_1") as mark:
            mark("outcome", "failed")
            raise LookupError(f"no such customer: {NAME} <{MAIL}>")

    with pytest.raises(LookupError):
        fail()
    (span,) = found.spans()
    assert dict(span.attributes or {}) == {"steward.event_id": "evt_1", "steward.outcome": "failed"}
    assert [dict(event.attributes or {}) for event in span.events] == [
        {"exception.type": "LookupError"}
    ]
    assert span.status.description is None
    assert not span.status.is_ok
    assert "Tweety" not in found.text()


async def test_the_job_system_is_told_where_it_stands_in_the_trace() -> None:
    found, asked = traced(), list[httpx.Request]()

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(404)

    transport = httpx.MockTransport(answer)
    system = HttpJobSystem("http://jobs.example", "token", transport)
    measured = MeasuredJobSystem(system, Figures(), found.tracing)
    with pytest.raises(JobSystemError):
        await measured.read("SJ-1")
    with pytest.raises(JobSystemError):
        await system.read("SJ-1")
    (span,) = found.named("job system: read")
    assert asked[0].headers["traceparent"].split("-")[1] == f"{trace_of(span):032x}"
    assert "traceparent" not in asked[1].headers, "nobody traces it"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json"))[::20], ids=lambda path: path.stem)
async def test_recorded_histories_replay_where_traces_are_kept(path: Path) -> None:
    found = traced()
    replayer = Replayer(
        workflows=WORKFLOWS,
        workflow_runner=runner(),
        data_converter=DATA_CONVERTER,
        interceptors=[found.tracing.interceptor],
    )
    await replayer.replay_workflow(history(path))
    assert found.spans() == [], "what happened once is told once"


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"},
        {"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"},
    ],
)
def test_nothing_is_kept_unless_somebody_asks(variables: dict[str, str]) -> None:
    assert spans_of("steward", variables) is NO_SPANS


@pytest.mark.parametrize(
    "variables",
    [
        {"OTEL_TRACES_EXPORTER": "zipkin"},
        {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
    ],
)
def test_what_is_not_there_is_refused(variables: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="OTEL_"):
        spans_of("steward", variables)


def test_somebody_who_asks_gets_traces() -> None:
    asked = spans_of("steward", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"})
    assert isinstance(asked, Tracing)
    asked.close()


def test_a_log_line_names_its_trace() -> None:
    found = traced()
    assert _add_trace(None, "info", {}) == {}
    with found.tracing.span("hook"):
        line = _add_trace(None, "info", {})
    (span,) = found.spans()
    assert line["trace_id"] == f"{trace_of(span):032x}"


# --- the id of a request, and what an activity is for ---------------------------------------------


@pytest.mark.parametrize(
    ("sent", "counts"),
    [
        ("8f14e45fceea167a5a36dedd4bea2543", True),
        ("0195f4a2-6c1e-7d3a-9b59-3d1f6c1a2b3c", True),
        ("Tweety-918-555-0199", False),
        ("918-555-0199-918", False),
        ("a" * 65, False),
        ("x\nforged", False),
    ],
)
async def test_each_answer_says_which_request_it_answers(
    desk: Desk, sent: str, *, counts: bool
) -> None:
    for path in ("/healthz", "/jobs/none", "/console/no-such-page"):
        headers = {"x-request-id": sent.replace("\n", " ")}
        answer = await desk.http.get(path, headers=headers)
        said = answer.headers["x-request-id"]
        assert (said == sent) is counts
        assert len(said) >= 16


async def test_a_line_of_a_request_says_which_it_is() -> None:
    seen = list[dict[str, object]]()

    async def behind(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(structlog.contextvars.get_contextvars())
        await Response("")(scope, receive, send)

    door = Doorkeeper(
        hooks=behind, everything_else=behind, identify=None, hosts=(), limits=Limits()
    )
    transport = httpx.ASGITransport(door)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        answers = [await http.get("/jobs"), await http.post("/hooks/jobs")]
        answers.append(await http.get("/jobs", headers={"host": "elsewhere.example"}))
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert len(set(ids)) == 3
    assert seen == [{"request_id": each} for each in ids[:2]], "the third was not let in"
    assert structlog.contextvars.get_contextvars() == {}


def test_a_line_of_an_activity_says_what_it_is_for() -> None:
    note = AddNote(author=STEWARD, text="x", visibility=Visibility.PRIVATE)
    batch = a_batch(note)
    assert done_for([]) == {}
    assert done_for(["a key"]) == {}

    def keyed(turn: str) -> dict[str, str]:
        step = batch.steps[0].model_copy(update={"key": f"plus-one/SJ-1#1/{turn}/1"})
        return dict(done_for([batch.model_copy(update={"steps": (step,)})]))

    assert keyed("event:evt_7") == {"event_id": "evt_7"}
    assert keyed("reminder:search:20261128T205006.305000/0:1") == {"turn": "reminder"}
    assert keyed("accept:Tweety-918-555-0199") == {"turn": "accept"}
    asked = batch.model_copy(update={"request_ids": ("a" * 32, "b" * 32)})
    assert done_for([asked])["request_id"] == f"{'a' * 32} {'b' * 32}"
    mail = "plus-one/SJ-1#1/accept:1/2"
    assert done_for([mail]) == {"turn": "accept"}, "a mail that had to wait"


class Heard(logging.Handler):
    """Keeps what the SDK says of activities, with what stands beside each line."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[dict[str, object]] = []

    def emit(self, record: logging.LogRecord) -> None:
        said = structlog.contextvars.get_contextvars()
        self.lines.append({**said, "event": record.getMessage().partition(" (")[0]})


@pytest.fixture
def failed_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[Heard]:
    """What is said of each batch's first attempt: it fails."""
    heard, tried, logger = Heard(), set[str](), logging.getLogger("temporalio.activity")

    def failing(carry_out: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def at_first(ledger: Ledger, batch: Batch, *args: Any, **named: Any) -> Any:
            if (known := f"{batch.workflow_id} {batch.sequence}") not in tried:
                tried.add(known)
                raise StoreUnavailableError("locked")
            return await carry_out(ledger, batch, *args, **named)

        return at_first

    for name in ("apply", "apply_and_take"):
        monkeypatch.setattr(Ledger, name, failing(getattr(Ledger, name)))
    logger.addHandler(heard)
    yield heard
    logger.removeHandler(heard)


async def test_a_line_of_the_worker_names_the_request_that_brought_its_work(
    office: Office, failed_once: Heard
) -> None:
    desk, job = office.desk, office.desk.job()
    started, told, first, second = (digit * 32 for digit in "abcd")

    async def calls(about: str, **headers: str) -> httpx.Response:
        body = {"actor": {"name": "Sam", "role": "customer_service"}, "about": about}
        address = f"/jobs/{job.id}/plus-one/customer_called"
        return await desk.http.post(address, json=body, headers=headers)

    for request_id, event in ((started, job.assigned), (told, job.accepted)):
        desk.http.headers["x-request-id"] = request_id
        await event()
    del desk.http.headers["x-request-id"]
    await job.rests()
    named = [calls(each, **{"x-request-id": each}) for each in (first, second)]
    with capture_logs([structlog.contextvars.merge_contextvars]) as logs:
        answers = await asyncio.gather(*named, calls("an id of Steward's own"))
        with structlog.contextvars.bound_contextvars(request_id=PHONE):
            await job.handle.execute_update(
                "customer_called", {"actor": {"name": "Sam", "role": "customer_service"}}
            )

    calling = {answer.headers["x-request-id"] for answer in answers}
    assert calling > {first, second}
    done = [line for line in logs if line["event"] == "a request's work is done"]
    assert {(line["request_id"], line["attempt"]) for line in done} == {(id_, 2) for id_ in calling}
    assert all(line["milliseconds"] >= 0 for line in done)
    of_activities = [line for line in failed_once.lines if "activity" in line]
    assert {line["event"] for line in of_activities} == {"Completing activity as failed"}
    by = {line.get("request_id"): line.get("turn", "an event") for line in of_activities}
    assert by == {
        started: "start",
        told: "an event",
        **dict.fromkeys([*calling, None], "customer_called"),
    }
    spans = [dict(span.attributes or {}, name=span.name) for span in office.traced.spans()]
    named_so = {
        (str(span["name"]).partition(":")[0], span.get("steward.request_id")) for span in spans
    }
    assert named_so >= {(part, first) for part in ("StartWorkflowUpdate", "RunActivity")}
    assert named_so >= {(part, told) for part in ("hook", "SignalWorkflow", "RunActivity")}


@pytest.mark.parametrize(("attempt", "lines"), [(1, ["a request's work has to wait"]), (2, [])])
async def test_of_a_fault_that_is_expected_the_first_attempt_has_a_line(
    attempt: int, lines: list[str]
) -> None:
    silent = ApplicationError(MAIL, type=JOB_SYSTEM_SILENT, category=BENIGN)
    correlated = Correlating().intercept_activity(
        Mock(execute_activity=AsyncMock(side_effect=silent))
    )
    batch = a_batch(AddNote(author=STEWARD, text="x", visibility=Visibility.PRIVATE))
    asked = batch.model_copy(update={"request_ids": ("a" * 32,)})
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, attempt=attempt)
    with capture_logs([structlog.contextvars.merge_contextvars]) as logs:
        with pytest.raises(ApplicationError):
            await environment.run(correlated.execute_activity, Mock(args=[asked]))
        with pytest.raises(ApplicationError):
            await environment.run(correlated.execute_activity, Mock(args=[batch]))
    assert [line["event"] for line in logs] == lines
    assert {(line["request_id"], line["reason"]) for line in logs} == (
        {("a" * 32, JOB_SYSTEM_SILENT)} if lines else set()
    )


async def test_a_line_of_a_workflow_names_the_request_whose_effects_wait(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failed = ActivityError(
        "failed",
        scheduled_event_id=1,
        started_event_id=2,
        identity="",
        activity_type="add_note",
        activity_id="1",
        retry_state=None,
    )
    monkeypatch.setattr("temporalio.workflow.execute_activity", AsyncMock(side_effect=failed))
    monkeypatch.setattr("temporalio.workflow.logger.log_during_replay", True)
    asked_by = {"request_ids": ("a" * 32,)}
    batch = a_batch(AddNote(author=STEWARD, text="x", visibility=Visibility.PRIVATE))
    for each in (batch, batch.model_copy(update=asked_by)):
        with pytest.raises(StoreNotReachedError):
            await TemporalRuntime.carry_out(Mock(), "add_note", each, "")
    first, second = caplog.records
    assert first.getMessage() == "store_unreachable: the effects of add_note wait"
    told = ExtraAdder(allow=_TOLD_BESIDE)
    assert "request_id" not in told(logging.getLogger(), "", {"_record": first})
    assert told(logging.getLogger(), "", {"_record": second})["request_id"] == "a" * 32


@pytest.mark.parametrize(
    ("sent", "believed"),
    [
        (b"8f14e45fceea167a5a36dedd4bea2543", True),
        (b"8f14e45fceea167a5a36dedd4bea2543\n", False),
        (b"Tweety-918-555-0199", False),
        (b"918-555-0199-918", False),
        (b"\xff" * 32, False),
        (b"a" * 65, False),
        (b"", False),
    ],
)
def test_of_a_message_only_ids_of_our_own_form_are_believed(sent: bytes, *, believed: bool) -> None:
    payload = RawValue(Payload(metadata={REQUESTED_BY: sent}))
    assert _request_id_of([payload]) == (sent.decode() if believed else None)
    assert _request_id_of([payload, payload]) is None
    assert _request_id_of([RawValue(Payload())]) is None
