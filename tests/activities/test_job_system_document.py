"""The OpenAPI file says what the adapter does: field for field, request for request."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

import httpx
import pytest
import schemathesis
from pydantic import BaseModel

from activities.http_job_system import HttpJobSystem
from activities.job_system import (
    JobChangedError,
    JobSystemError,
    NotLetInError,
    NotReachedError,
    TurnedDownError,
)
from domain import job_system, jobs, roles
from domain.accounts import PLUSONE_PARTS, PROCURE_VENDOR
from domain.job_system import (
    AccountSet,
    ChangeRequest,
    ChangeSet,
    Expected,
    TellException,
    TellExceptionChange,
    Telling,
    TellNote,
    TellServiceJob,
    TellTask,
    TellTaskDone,
)
from domain.jobs import JobStatus, Visibility
from domain.roles import STEWARD, Role
from tests.activities.job_system_document import (
    DOCUMENT,
    PATH,
    Operation,
    checker,
    operations,
    resolved,
)
from tests.domain.factories import ASSIGNED_AT

SCHEMAS: Final[Mapping[str, Any]] = DOCUMENT["components"]["schemas"]
OPERATIONS: Final = {each.name: each for each in operations()}


def test_it_is_openapi() -> None:
    schemathesis.openapi.from_dict(DOCUMENT).validate()


def test_it_uses_no_yaml_that_only_some_tools_read() -> None:
    assert "<<:" not in PATH.read_text("utf-8")


# --- field for field ------------------------------------------------------------------------------

ANSWERED: Final[Mapping[str, type[BaseModel]]] = {
    "Job": jobs.Job,
    "Item": jobs.Item,
    "Assignee": jobs.Assignee,
    "Customer": jobs.Customer,
    "LiveJob": job_system.LiveJob,
    "ChangedJob": job_system.ChangedJob,
    "ChangedJobs": job_system.ChangedJobs,
}
"""What is answered: whatever Steward needs is required."""
SENT: Final[Mapping[str, type[BaseModel]]] = {
    "Actor": roles.Actor,
    "Account": job_system.AccountSet,
    "Expected": job_system.Expected,
    "ChangeSet": job_system.ChangeSet,
    "ChangeRequest": job_system.ChangeRequest,
    "Note": job_system.TellNote,
    "Task": job_system.TellTask,
    "TaskDone": job_system.TellTaskDone,
    "Exception": job_system.TellException,
    "ExceptionChange": job_system.TellExceptionChange,
    "ServiceJob": job_system.TellServiceJob,
}
OURS_ALONE: Final = {
    "Job": {"customer_mail", "customer_zip", "customer_state", "customer_mail_version"},
    "Note": {"what"},
    "Task": {"what"},
    "TaskDone": {"what", "key"},
    "Exception": {"what"},
    "ExceptionChange": {"what", "key"},
    "ServiceJob": {"what", "order_id"},
}
"""Fields of ours that are no part of a body: hints of our copy, and what the path says."""
THEIRS_ALONE: Final = {"TaskDone": {"status"}}
LEFT_OUT: Final = {"ChangeSet", "TaskDone", "ExceptionChange"}
"""Where what we do not know is left out instead of being null."""
ALWAYS_SENT: Final[Mapping[str, set[str]]] = {
    "ServiceJob": {"account", "event_type", "reason", "comments"}
}


def fields(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Any:
    """Return of a schema what it says of values, whichever way it is written."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        default = {"default": schema["default"]} if "default" in schema else {}
        return {**fields(definitions[name], definitions), **default}
    if "anyOf" in schema:
        parts = [fields(each, definitions) for each in schema["anyOf"]]
        merged: dict[str, Any] = {}
        for part in parts:
            merged |= {key: value for key, value in part.items() if key != "type"}
        return {**merged, "type": frozenset().union(*(part["type"] for part in parts))}
    kinds = schema.get("type", "any")
    said: dict[str, Any] = {"type": frozenset([kinds] if isinstance(kinds, str) else kinds)}
    for name in ("enum", "format", "const", "maxLength", "minLength", "default"):
        if name in schema and schema[name] is not None:
            said[name] = tuple(schema[name]) if name == "enum" else schema[name]
    if "items" in schema:
        said["items"] = fields(schema["items"], definitions)
    if "properties" in schema:
        said["properties"] = {
            name: fields(each, definitions) for name, each in schema["properties"].items()
        }
    return said


def ours(name: str, model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema()
    said = fields(schema, {**schema.get("$defs", {}), model.__name__: schema})["properties"]
    if name in LEFT_OUT:
        said = {field: {**each, "type": each["type"] - {"null"}} for field, each in said.items()}
    return {field: each for field, each in said.items() if field not in OURS_ALONE.get(name, ())}


def theirs(name: str) -> dict[str, Any]:
    said = fields(SCHEMAS[name], SCHEMAS)["properties"]
    return {field: each for field, each in said.items() if field not in THEIRS_ALONE.get(name, ())}


def without(said: Any, *names: str) -> Any:
    """Return fields without some of what is said of them, at whatever depth."""
    if isinstance(said, dict):
        return {key: without(each, *names) for key, each in said.items() if key not in names}
    return said


@pytest.mark.parametrize("name", [*ANSWERED, *SENT])
def test_a_schema_has_the_fields_of_the_model(name: str) -> None:
    mine, other = ours(name, {**ANSWERED, **SENT}[name]), theirs(name)
    if name == "ChangedJob":  # each job is read for itself, so that one cannot hide the others
        mine["job"] = other["job"]
    if name == "ChangedJobs":
        mine["items"] = other["items"]
    if name == "LiveJob":
        mine["job"]["properties"] = ours("Job", jobs.Job)
    if name == "ChangeRequest":
        mine["set"]["properties"] = ours("ChangeSet", ChangeSet)
    assert without(other, "default") == without(mine, "default")


@pytest.mark.parametrize("name", ["Job", "Item", "Assignee", "Customer"])
def test_what_may_be_left_out_means_the_same(name: str) -> None:
    mine, other = ours(name, ANSWERED[name]), theirs(name)
    for field, each in other.items():
        if each["type"] != frozenset({"object"}):
            assert each.get("default") == mine[field].get("default"), field


@pytest.mark.parametrize("name", ANSWERED)
def test_what_steward_needs_is_required(name: str) -> None:
    needed = {key for key, field in ANSWERED[name].model_fields.items() if field.is_required()}
    assert needed <= set(SCHEMAS[name]["required"] if needed else ())


@pytest.mark.parametrize("name", SENT)
def test_what_is_always_sent_is_required(name: str) -> None:
    required = {key for key, field in SENT[name].model_fields.items() if field.is_required()}
    sent = ALWAYS_SENT.get(name, required) - OURS_ALONE.get(name, set())
    assert set(SCHEMAS[name].get("required", ())) == sent | THEIRS_ALONE.get(name, set())


def test_every_schema_is_used_and_every_part_is_compared() -> None:
    text = PATH.read_text("utf-8")
    assert [name for name in SCHEMAS if f"schemas/{name}" not in text] == []
    only_here = {"JobStatus", "Visibility", "Role", "Version", "Refusal", "JobChanged", "AddedJob"}
    assert set(SCHEMAS) == set(ANSWERED) | set(SENT) | only_here


# --- request for request --------------------------------------------------------------------------

CHANGES: Final = (
    ChangeSet(assigned_to=AccountSet(number=None, name="Procure Vendor")),
    ChangeSet(assigned_to=AccountSet(number="4711", name="Tulsa Plumbing"), status=JobStatus.NEW),
    ChangeSet(
        status=JobStatus.COMPLETED,
        sub_status="Confirmed Appointment",
        appointment_at=ASSIGNED_AT,
        customer_email="pat@example.com",
    ),
)
TELLINGS: Final[Mapping[str, list[Telling]]] = {
    "addNote": [
        TellNote(author=STEWARD, text="Text", visibility=each, at=ASSIGNED_AT)
        for each in Visibility
    ],
    "openTask": [
        TellTask(key="k", role=role, kind="call", text="Call.", at=ASSIGNED_AT) for role in Role
    ],
    "closeTask": [TellTaskDone(key="k"), TellTaskDone(key="k", outcome="Called")],
    "openException": [
        TellException(key="k", code="NCNS", status="In Progress", comment="c", at=ASSIGNED_AT)
    ],
    "changeException": [
        TellExceptionChange(key="k", status="Complete"),
        TellExceptionChange(key="k", status="Complete", comment="Spoke to the provider"),
    ],
    "addJob": [
        TellServiceJob(
            order_id="SO-500", account=PROCURE_VENDOR, event_type=None, reason="Second opinion"
        ),
        TellServiceJob(
            order_id="SO-500",
            account=PLUSONE_PARTS,
            event_type="Recall",
            reason="Parts",
            comments=("One", "Two"),
        ),
    ],
}


class Recorder:
    """Answers every request, and keeps the last one."""

    def __init__(self, status: int, body: object, headers: Mapping[str, str] | None = None) -> None:
        self.seen: list[httpx.Request] = []
        self.answer = httpx.Response(status, json=body, headers=headers)
        transport = httpx.MockTransport(self.take)
        self.system = HttpJobSystem("https://jobs.example", "token", transport)

    def take(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        return self.answer

    def only(self) -> httpx.Request:
        (request,) = self.seen
        return request


def asked() -> ChangeRequest:
    expected = Expected(assigned_to="1", status=JobStatus.NEW, diagnostic_report_at=ASSIGNED_AT)
    return ChangeRequest(expected=expected, set=CHANGES[0], actor=STEWARD, reason="Because")


async def carried_out(operation: str, system: HttpJobSystem) -> object:
    match operation:
        case "listChangedJobs":
            return await system.list_changed("c-41", 50)
        case "readJob":
            return await system.read("SJ-1001")
        case "changeJob":
            return await system.change("SJ-1001", asked(), "key")
        case _:
            return await system.tell("SJ-1001", TELLINGS[operation][0], "key")


def requests() -> Iterator[tuple[str, Telling | ChangeSet]]:
    for change in CHANGES:
        yield "changeJob", change
    for operation, tellings in TELLINGS.items():
        for telling in tellings:
            yield operation, telling


@pytest.mark.parametrize(("operation", "said"), list(requests()), ids=str)
async def test_what_is_sent_is_what_the_document_says(
    operation: str, said: Telling | ChangeSet
) -> None:
    recorder = Recorder(200, example(OPERATIONS[operation], 200) or {})
    if isinstance(said, ChangeSet):
        await recorder.system.change("SJ-1001", asked().model_copy(update={"set": said}), "key")
    else:
        await recorder.system.tell("SJ-1001", said, "key")
    sent, described = recorder.only(), OPERATIONS[operation]
    assert sent.method.lower() == described.method
    assert re.fullmatch(re.sub(r"{\w+}", "[^/]+", described.path), sent.url.path)
    assert sent.headers["idempotency-key"] == "key"
    assert described.headers == {"Idempotency-Key"}
    assert described.body is not None
    body = json.loads(sent.content)
    checker(described.body).validate(body)
    assert set(body) <= set(resolved(described.body)["properties"])


def test_every_operation_is_used() -> None:
    used = {"listChangedJobs", "readJob", "changeJob", *TELLINGS}
    assert used == set(OPERATIONS)


def example(operation: Operation, status: int) -> Any:
    answers = dict(operation.answers())
    return answers[status].get("content", {}).get("application/json", {}).get("example")


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_example_fits_its_schema(name: str) -> None:
    operation = OPERATIONS[name]
    for _, response in operation.answers():
        for media in response.get("content", {}).values():
            if "example" in media:
                checker(media["schema"]).validate(media["example"])
    for media in operation.said.get("requestBody", {}).get("content", {}).values():
        examples = [each["value"] for each in media.get("examples", {}).values()]
        for each in [*examples, *([media["example"]] if "example" in media else [])]:
            checker(media["schema"]).validate(each)
    if operation.body is not None:
        media = operation.said["requestBody"]["content"]["application/json"]
        assert "example" in media or "examples" in media


MEANT: Final[Mapping[int, type[JobSystemError] | None]] = {
    200: None,
    201: None,
    401: NotLetInError,
    403: TurnedDownError,
    404: TurnedDownError,
    409: TurnedDownError,
    422: TurnedDownError,
    429: NotReachedError,
    500: NotReachedError,
    503: NotReachedError,
}


def described_answers() -> Iterator[tuple[str, int]]:
    for name, operation in OPERATIONS.items():
        for status, _ in operation.answers():
            yield name, status


@pytest.mark.parametrize(("name", "status"), list(described_answers()))
async def test_each_answer_means_what_the_document_says(name: str, status: int) -> None:
    described = dict(OPERATIONS[name].answers())[status]
    retry_after = {"retry-after": "30"} if "headers" in described else {}
    recorder = Recorder(status, example(OPERATIONS[name], status) or {}, retry_after)
    error = JobChangedError if (name, status) == ("changeJob", 409) else MEANT[status]
    if error is None:
        await carried_out(name, recorder.system)
        return
    with pytest.raises(error) as told:
        await carried_out(name, recorder.system)
    if isinstance(told.value, NotReachedError):
        wanted = timedelta(seconds=30) if retry_after else None
        assert told.value.retry_after == wanted
        assert ("headers" in described) == (status in (429, 503))


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_answer_that_can_come_is_described(name: str) -> None:
    statuses = {status for status, _ in OPERATIONS[name].answers()}
    assert {401, 429, 500, 503} <= statuses
    assert statuses <= set(MEANT)
    if OPERATIONS[name].method != "get":
        assert {200, 403, 404, 422} <= statuses
