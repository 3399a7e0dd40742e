"""How a search hands over to the option: by policy, by Dispatch, and whatever is down meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest

from service.assembly import make_service
from service.events import Received
from store import schema
from store.database import Database, migrate
from store.inbox import Inbox, Outcome
from tests.desk import Desk, Letterbox, Told, account, acting, iso, now
from tests.options import FRIDGE, KIM, OPTION, WANTED, supervisors
from tests.ports import free_port
from tests.server.conftest import api
from tests.store.rows import execute
from workers.dev_server import DevServer, ServerOptions
from workers.temporal import connect
from workers.worker import make_worker

STARTS_APO = "[plus_one]\nnpf_starts_apo = true\n"
NOBODY_FOUND = "No Provider Found"


async def nobody_found(desk: Desk, **fields: Any) -> Told:
    """Return a job for which PlusOne found nobody."""
    job = await desk.searching(item=FRIDGE, trade="Appliances", **fields)
    await job.ok("report_cannot_locate", "plusone", text="Nobody within 60 miles")
    assert await job.outcome() == "no_provider_found"
    return job


async def rejected(desk: Desk) -> Told:
    """Return a job that PlusOne has given back, and that Dispatch may reassign."""
    job = await desk.searching(item=FRIDGE, trade="Appliances")
    await job.becomes("Rejected", actor=acting("plusone"))
    await job.page()
    return job


async def begun(job: Told) -> Told:
    """Return the job as its option sees it, once that has begun."""
    option = job.of("apo")
    # It is listed before it has done anything; its policy is the first thing that it tells, and its
    # predecessor has told its own.
    await job.desk.eventually(
        option,
        lambda shown: (
            sum(entry["what"].startswith("follows policy") for entry in shown["journal"])
            >= len(shown["lifecycles"])
            and shown["lifecycles"][0]["lifecycle"] == "apo"
        ),
    )
    return option


# --- by policy --------------------------------------------------------------------------------


@pytest.mark.rule("PO-69")
@pytest.mark.rule("APO-05")
async def test_no_provider_found_asks_for_the_option_if_the_policy_says_so(desk: Desk) -> None:
    search = await nobody_found(desk.under(STARTS_APO))
    job = await begun(search)
    page = await job.page()
    assert (page.stage, page.assigned_to) == ("awaiting_approval", NOBODY_FOUND)
    assert page.waiting_on in ("supervisor", "dispatch")
    asked = page.note("APO requested: PlusOne can't find a provider: Nobody within 60 miles")
    assert asked["author"] == {"name": "Steward", "role": "system"}
    assert "complete_claim" not in [task["kind"] for task in page.shown["tasks"]]
    assert page.task("decide_apo")["status"] == "open"

    await job.ok("approve_apo", "dispatch", actor=acting("dispatch"))
    await job.ok("customer_not_reached", "dispatch", voicemail_left=True)
    page = await job.page()
    assert (page.stage, page.assigned_to) == ("awaiting_customer", OPTION)
    assert page.assignments == ["PlusOne Solutions", NOBODY_FOUND, OPTION]


@pytest.mark.rule("PO-67")
@pytest.mark.rule("APO-22")
async def test_so_does_a_search_whose_48_hours_are_over(desk: Desk) -> None:
    search = await desk.under(STARTS_APO).searching(item=FRIDGE, trade="Appliances")
    await search.fast_forward("48h")
    assert await search.outcome() == "no_provider_found"
    job = await begun(search)

    page = await job.page()
    assert page.stage == "awaiting_approval"
    assert page.note("APO requested", "48 hours")
    for _ in range(2):  # whoever decides, the network is exhausted
        if page.waiting_on == "dispatch":
            assert page.due_at is not None
            await job.fast_forward_to(page.due_at + timedelta(minutes=1))
            page = await job.page()
    assert (await job.ok("approve_apo", "supervisor", actor=KIM))["stage"] == "contacting_customer"


@pytest.mark.rule("PO-69")
async def test_without_that_policy_dispatch_completes_the_claim(desk: Desk) -> None:
    job = await nobody_found(desk)
    page = await job.page()
    assert page.tasks("dispatch") == ["complete_claim"]
    assert [each["lifecycle"] for each in page.shown["lifecycles"]] == ["plus-one"]


async def test_what_is_declined_then_goes_to_procure_vendor(desk: Desk) -> None:
    job = await begun(await nobody_found(desk.under(STARTS_APO)))
    await job.page()
    await job.ok("decline_apo", "dispatch", reason="A provider is free tomorrow")
    page = await job.ends_as("declined")
    assert page.assignments == ["PlusOne Solutions", NOBODY_FOUND, "Procure Vendor"]


# --- by Dispatch ------------------------------------------------------------------------------


@pytest.mark.rule("APO-04")
@pytest.mark.rule("APO-19")
@pytest.mark.parametrize("to", [OPTION, "alternate provider option"])
async def test_dispatch_may_reassign_a_search_to_the_option(desk: Desk, to: str) -> None:
    search = await rejected(desk)
    await search.ok("request_reassignment", "dispatch", to=to, reason="Nobody near")
    assert await search.outcome() == "released"
    job = await begun(search)

    page = await job.page()
    assert (page.stage, page.waiting_on) == ("awaiting_customer", "customer")
    assert page.assignments == ["PlusOne Solutions", OPTION]
    assert [template for _, template, _ in page.mails] == ["apo_instructions"]
    assert (page.attention, page.tasks("supervisor")) == ([], [])
    assert page.tasks("support_services") == ["refund_deductible"]


@pytest.mark.rule("APO-18")
@pytest.mark.rule("APO-19")
@pytest.mark.parametrize("role", ["customer_service", "supervisor", "escalations"])
async def test_nobody_else_may(desk: Desk, role: str) -> None:
    search = await rejected(desk)
    wish = {"to": OPTION, "reason": "Nobody near"}
    status, body = await search.refused("request_reassignment", role, **wish)
    assert (status, body["rule"]) == (409, "APO-18")

    page = await search.page()
    assert (page.stage, page.assignments) == ("searching", ["PlusOne Solutions"])
    assert [each["lifecycle"] for each in page.shown["lifecycles"]] == ["plus-one"]


@pytest.mark.rule("PO-18")
async def test_not_even_dispatch_takes_what_plusone_holds(desk: Desk) -> None:
    search = await desk.searching(item=FRIDGE)
    wish = {"to": OPTION, "reason": "Nobody near"}
    status, body = await search.refused("request_reassignment", "dispatch", **wish)
    assert (status, body["rule"]) == (409, "PO-18")


@pytest.mark.rule("PO-11")
async def test_the_job_system_may_and_both_lifecycles_hear_of_it(desk: Desk) -> None:
    search = await desk.accepted(item=FRIDGE)
    search.fields.update(assigned_to=account(OPTION), assigned_at=iso(now()), status="New")
    assert (await search.assigned())["outcome"] == "started"

    assert await search.outcome() == "superseded"
    job = await begun(search)
    page = await job.page()
    assert (page.stage, page.attention) == ("awaiting_customer", [])
    assert page.tasks("supervisor") == ["reassigned_against_rule"]


# --- whatever is down meanwhile ---------------------------------------------------------------


@pytest.fixture(scope="module")
async def server_of_its_own() -> AsyncIterator[DevServer]:
    server = DevServer(ServerOptions(port=free_port(), ui_port=None, database=None))
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def undelivered(
    desk: Desk, server_of_its_own: DevServer, new_store: Callable[[], str]
) -> AsyncIterator[Desk]:
    """A desk where an order stays in the inbox until a test delivers it."""
    url = new_store()
    migrate(url)
    database = Database(url)
    client = await connect(target_host=server_of_its_own.address, namespace="default")
    policy = desk.under(STARTS_APO + supervisors(at_hand=True)).policy
    letterbox = Letterbox()
    idle = Desk(client, database, desk.http, desk.app, letterbox, policy)
    async with make_worker(client, database, letterbox), api(idle) as opened:
        yield opened
    await database.close()


async def deliver(desk: Desk, *, to_nobody: bool = False) -> list[Received]:
    """Deliver what waits in the inbox, however often that was tried before."""
    client = await connect(target_host="127.0.0.1:1", lazy=True) if to_nobody else desk.client
    service = make_service(desk.database, client, desk.policy, may_fast_forward=True)
    later = now() + timedelta(hours=1)
    due = await Inbox(desk.database).due(later)
    return [await service.events.dispatch(pending) for pending in due]


async def lay_back(desk: Desk) -> None:
    """Have orders that were delivered wait again, as if that had not been written down."""
    ours = schema.inbox.update().where(schema.inbox.c.origin.is_not(None))
    await execute(desk.database, ours.values(state="pending"))


def requests(notes: list[str]) -> int:
    return sum(note.startswith("APO requested: ") for note in notes)


async def test_an_order_while_temporal_is_down_is_delivered_once_when_it_is_back(
    undelivered: Desk,
) -> None:
    search = await nobody_found(undelivered)
    for _ in range(2):
        (received,) = await deliver(undelivered, to_nobody=True)
        assert received.reason is not None
        assert received.reason.startswith("saved, and delivered automatically")
    shown = await search.show()
    assert [each["lifecycle"] for each in shown["lifecycles"]] == ["plus-one"]
    assert (await undelivered.http.get("/stuck")).json()["items"][0]["job_id"] == search.id

    (received,) = await deliver(undelivered)
    assert (received.outcome, received.workflow_id) == (Outcome.STARTED, f"apo/{search.id}")
    job = search.of("apo")
    page = await job.page()
    assert (page.stage, page.waiting_on) == ("awaiting_approval", "supervisor")
    assert await deliver(undelivered) == []
    assert await job.page() == page


async def test_an_order_that_is_delivered_twice_counts_once(undelivered: Desk) -> None:
    search = await nobody_found(undelivered)
    await deliver(undelivered)
    job = search.of("apo")
    before = await job.page()
    await lay_back(undelivered)
    assert len(await deliver(undelivered)) == 1

    assert await job.page() == before
    assert requests(before.notes) == 1


async def test_an_order_that_was_carried_out_and_declined_is_not_carried_out_again(
    undelivered: Desk,
) -> None:
    search = await nobody_found(undelivered)
    await deliver(undelivered)
    job = search.of("apo")
    await job.page()
    await job.ok("decline_apo", "dispatch", reason="A provider is free tomorrow")
    before = await job.ends_as("declined")
    await lay_back(undelivered)
    assert len(await deliver(undelivered)) == 1

    assert (await job.page()).standing == before.standing
    assert requests((await job.page()).notes) == 1


async def test_an_order_finds_an_option_that_dispatch_opened_first(undelivered: Desk) -> None:
    search = await nobody_found(undelivered)
    job = search.of("apo")
    await job.ok("offer_apo", "dispatch", **WANTED)
    (received,) = await deliver(undelivered)
    assert received.outcome is Outcome.DELIVERED

    page = await job.page()
    assert (page.stage, requests(page.notes)) == ("contacting_customer", 0)
    assert any("refused request_apo" in what for _, what, _ in page.journal)


@pytest.mark.rule("PO-18")
async def test_an_order_that_is_refused_is_left_to_a_supervisor(undelivered: Desk) -> None:
    """Somebody gave the job back to PlusOne before the option was asked for."""
    search = await nobody_found(undelivered)
    search.fields["assigned_at"] = iso(now())
    assert (await search.assigned())["outcome"] == "started"
    (received,) = await deliver(undelivered)
    assert received.outcome is Outcome.IGNORED

    page = await search.page()
    assert page.stage == "searching"
    assert page.tasks("supervisor") == ["order_refused"]
    assert "request_apo" in page.task("order_refused")["text"]
    assert [
        (who, rule)
        for who, what, rule in page.journal
        if what.startswith("refused to request APO: Don't reassign this job yet. ")
    ] == [("Steward", "PO-18")]
    assert [each["lifecycle"] for each in page.shown["lifecycles"]] == ["plus-one"]

    await lay_back(undelivered)
    assert len(await deliver(undelivered)) == 1
    assert (await search.page()).tasks("supervisor") == ["order_refused"]


async def test_an_order_for_a_job_that_was_cancelled_meanwhile_is_left_to_a_supervisor(
    undelivered: Desk,
) -> None:
    search = await nobody_found(undelivered)
    search.fields["status"] = "Cancelled"
    await search.event("job.cancelled")
    await deliver(undelivered)

    page = await search.page()
    assert page.tasks("supervisor") == ["order_refused"]
    assert "cancelled" in page.task("order_refused")["text"]


async def test_an_order_begins_anew_what_was_terminated(undelivered: Desk) -> None:
    search = await nobody_found(undelivered)
    job = search.of("apo")
    await job.ok("offer_apo", "dispatch", **WANTED)
    await job.handle.terminate("by hand")
    (received,) = await deliver(undelivered)

    assert received.outcome is Outcome.STARTED
    page = await job.page()
    assert (page.stage, requests(page.notes)) == ("awaiting_approval", 1)
    told = [(task["kind"], task["status"]) for task in page.shown["tasks"]]
    assert ("workflow_ended", "done") in told, "the next start has settled it"
