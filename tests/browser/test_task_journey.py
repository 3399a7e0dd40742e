"""Customer Service works a concern from its first task to the Exception, with clicks alone."""

from __future__ import annotations

from datetime import timedelta

from playwright.async_api import Page, expect

from tests.browser.looking import PHONE_DARK, Looker, barriers, is_too_wide
from tests.concerns import LEAK, reported
from tests.desk import Desk, now
from tests.server.test_task_page import the_task
from tests.server.test_tasks_http import misassigned, tasks


async def acts_as(page: Page, role: str, name: str) -> None:
    """Switch to a role, as somebody does who opens the menu on top."""
    await page.locator("details.who > summary").click()
    await page.get_by_label("Act as").select_option(label=role)
    await page.get_by_label("Your name").fill(name)
    await page.get_by_role("button", name="Switch").click()
    await expect(page.locator("details.who > summary")).to_contain_text(name)


async def test_a_callback_is_worked_from_task_to_exception(desk: Desk, looker: Looker) -> None:
    job = await reported(desk, severity="Medical Emergency")  # it comes first in the list
    page = await looker.opens("/console")
    await acts_as(page, "Customer Service", "Lee")
    await page.get_by_role("link", name="My tasks").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("My tasks")

    task = page.get_by_role("article").filter(has_text=job.id)
    await expect(task).to_contain_text(LEAK)
    await expect(task.get_by_role("link", name="918-555-0101")).to_have_attribute(
        "href", "tel:918-555-0101"
    )
    other = await looker.opens("/console/tasks?role=customer_service")
    theirs = other.get_by_role("article").filter(has_text=job.id)
    await theirs.locator("summary", has_text="Log the call to the provider").click()
    await theirs.get_by_label("Yes", exact=True).first.check()
    await theirs.get_by_label("Outcome").fill("Half a sentence")
    await task.get_by_role("button", name="I'm on it").click()
    await expect(task).to_contain_text("Lee is on it")
    await expect(theirs).to_contain_text("Lee is on it")
    clickable = [task.locator("summary"), task.get_by_role("button", name="Put it back")]
    before = [await each.bounding_box() for each in clickable]
    assert await theirs.get_by_label("Outcome").input_value() == "Half a sentence"
    await task.locator("summary", has_text="Log the call to the provider").click()
    form = task.locator("form.command")
    await expect(form).to_be_visible()
    assert [await each.bounding_box() for each in clickable] == before, "no button moves"
    await form.get_by_label("No", exact=True).first.check()
    await form.get_by_role("button", name="Log the call to the provider").click()
    await expect(page.locator("#said")).to_contain_text("Done: Log the call to the provider (SJ-")
    await expect(task).to_have_count(0)

    await job.fast_forward("25h")
    await job.ok("customer_called_back", "customer_service", about="Nobody came")
    await page.reload()
    await task.get_by_text("Log the second call to the provider").first.click()
    form = task.locator("form.command")
    for question in await form.get_by_role("group").all():
        await question.get_by_label("No", exact=True).check()
    await form.get_by_label("Exception code").select_option("SP UNRESPONSIVE")
    await form.get_by_label("Comment").fill("Two voice messages, no answer")
    await form.get_by_role("button", name="Log the second call to the provider").click()
    await expect(page.locator("#said")).to_contain_text("Done: Log the second call")
    (exception,) = (await job.show())["exceptions"]
    assert exception["code"] == "SP UNRESPONSIVE"
    assert exception["comment"].endswith("Two voice messages, no answer")
    assert (await tasks(desk, job_id=job.id, status="open"))[0]["role"] == "admin_team"


async def test_done_on_a_phone_is_taken_back_while_the_seconds_run(
    desk: Desk, looker: Looker
) -> None:
    _, task = await misassigned(desk)
    page = await looker.opens("/console/tasks", PHONE_DARK)
    card = page.locator(f"#task-{task['id']}")
    while not await card.count():
        await page.get_by_role("link", name="More tasks").click()
    await page.clock.install(time=now() + timedelta(minutes=5))  # this machine's clock is wrong
    await card.get_by_label("Outcome of").fill("Talked to them")
    await card.get_by_role("button", name="Done").click()
    offer = page.locator(f"#undo-{task['id']}")
    await expect(offer).to_contain_text("seconds left")
    assert await barriers(page) == []
    assert not await is_too_wide(page)
    first = await offer.get_by_role("timer").text_content()
    await page.clock.run_for(3000)
    assert await offer.get_by_role("timer").text_content() != first
    await offer.get_by_role("button", name="Undo").click()
    await expect(page.locator("#said")).to_contain_text("Reopened")
    assert (await the_task(desk, task))["status"] == "open"
    while not await card.count():
        await page.get_by_role("link", name="More tasks").click()
    await card.get_by_role("button", name="Done").click()
    await expect(offer).to_be_visible()
    await page.wait_for_load_state()  # with all of its scripts
    looker.allowed = ("ERR_INTERNET_DISCONNECTED",)
    await page.context.set_offline(True)  # the server's clock runs slower than this one
    await page.clock.run_for(61_000)
    await expect(offer).to_have_count(0)
