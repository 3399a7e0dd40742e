"""Checks of what is told: notes, tasks and Exceptions."""

from __future__ import annotations

from activities.conformance.answers import status_of
from activities.conformance.bench import Bench
from activities.conformance.bodies import (
    REASON,
    exception_body,
    new_key,
    note_body,
    task_body,
    unknown_number,
)
from activities.conformance.checks import Group

NOTES = Group("Notes")
TASKS = Group("Tasks")
EXCEPTIONS = Group("Exceptions")


@NOTES.check(
    "A note is taken, and once for its key",
    "201 (or 200), and the same answer again",
    "addNote, 201",
)
async def _note(bench: Bench) -> str:
    return await bench.told_twice("POST", f"{bench.told_path}/notes", note_body())


@NOTES.check("A note on an unknown job is refused", "404", "addNote, 404")
async def _note_on_unknown(bench: Bench) -> str:
    path = f"/jobs/{unknown_number()}/notes"
    return status_of(await bench.send("POST", path, note_body(), new_key()), 404)


@NOTES.check(
    "A visibility that does not exist is refused",
    "422",
    "addNote, 422",
    is_of_http=True,
)
async def _unknown_visibility(bench: Bench) -> str:
    note = {**note_body(), "visibility": "No such visibility"}
    return status_of(await bench.send("POST", f"{bench.told_path}/notes", note, new_key()), 422)


@TASKS.check(
    "A task is opened, once for its key, and closed, also twice",
    "201 (or 200) twice with the same answer, then 200 twice",
    "openTask, 201; closeTask, 200",
)
async def _task(bench: Bench) -> str:
    task = new_key()
    opened = await bench.told_twice("POST", f"{bench.told_path}/tasks", task_body(task))
    done = {"status": "done", "outcome": REASON}
    for _ in range(2):
        path = f"{bench.told_path}/tasks/{task}"
        status_of(await bench.send("PATCH", path, done, new_key()), 200, 201, 204)
    return f"{opened}, then 200 twice"


@TASKS.check("An unknown task is not found", "404", "closeTask, 404")
async def _unknown_task(bench: Bench) -> str:
    path = f"{bench.told_path}/tasks/{new_key()}"
    return status_of(await bench.send("PATCH", path, {"status": "done"}, new_key()), 404)


@EXCEPTIONS.check(
    "An Exception is opened, changed and closed; of one code, one is open at a time",
    "201 twice with the same answer, 409 for a second, 200, 200, then 201 for another",
    "openException, 201 and 409; changeException, 200",
)
async def _exception(bench: Bench) -> str:
    path, first, second = f"{bench.told_path}/exceptions", new_key(), new_key()
    await bench.told_twice("POST", path, exception_body(first))
    status_of(await bench.send("POST", path, exception_body(second), new_key()), 409)
    for status in ("In Progress", "Complete"):
        change = {"status": status, "comment": REASON}
        status_of(await bench.send("PATCH", f"{path}/{first}", change, new_key()), 200, 201, 204)
    status_of(await bench.send("POST", path, exception_body(second), new_key()), 201, 200, 204)
    change = {"status": "Complete"}
    status_of(await bench.send("PATCH", f"{path}/{second}", change, new_key()), 200, 201, 204)
    return "so it is"


@EXCEPTIONS.check("An unknown Exception is not found", "404", "changeException, 404")
async def _unknown_exception(bench: Bench) -> str:
    path = f"{bench.told_path}/exceptions/{new_key()}"
    return status_of(await bench.send("PATCH", path, {"status": "Complete"}, new_key()), 404)
