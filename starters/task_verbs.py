"""The command line's verbs for tasks of people: `steward tasks`, `steward task done ID`, others."""

from __future__ import annotations

from typing import Annotated

import typer

from starters.failures import Failure
from starters.options import AsJson, NameOption, actor, examples, token_says_who_acts
from starters.row_ids import row_id

ActAs = Annotated[str | None, typer.Option("--as", help="Your role.")]
TaskId = Annotated[
    int, typer.Argument(metavar="ID", parser=row_id, help="The ID that `steward tasks` shows.")
]


def add_task_verbs(app: typer.Typer) -> None:
    """Add the verbs to the command line."""
    group = typer.Typer(
        help="Close a task, or say that you are working on it.",
        epilog=examples("task take 12 --as dispatch", "task done 12 --as dispatch"),
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    for name, verb in (
        ("done", task_done),
        ("undo", task_undo),
        ("take", task_take),
        ("release", task_release),
    ):
        group.command(name, epilog=examples(f"task {name} 12 --as dispatch"))(verb)
    app.command("tasks", epilog=examples("tasks --role dispatch", "tasks --json"))(tasks)
    app.add_typer(group, name="task")


def tasks(
    role: Annotated[str | None, typer.Option(help="Only this role's.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only this kind.")] = None,
    job: Annotated[str | None, typer.Option(metavar="JOB", help="Only this job's.")] = None,
    status: Annotated[str, typer.Option(help="open, done or all.")] = "open",
    after: Annotated[str | None, typer.Option(help="The cursor from the previous page.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List open tasks, the oldest first."""
    from starters.api_client import ApiClient
    from starters.rendering import print_json, print_tasks

    wanted = None if status == "all" else status
    with ApiClient.from_environment() as client:
        page = client.get("tasks", role=role, kind=kind, job_id=job, status=wanted, after=after)
    (print_json if as_json else print_tasks)(page)


def task_done(
    task: TaskId,
    role: ActAs = None,
    name: NameOption = None,
    outcome: Annotated[str | None, typer.Option(help="The outcome.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Mark a task as done.

    With STEWARD_TOKEN set, you act as the owner of the token unless --as or --name says otherwise.
    """
    said = {"outcome": outcome} if outcome else {}
    _change(task, "done", "Done", said | _acting(role, name, "close"), as_json=as_json)


def task_undo(
    task: TaskId, role: ActAs = None, name: NameOption = None, *, as_json: AsJson = False
) -> None:
    """Reopen a task that you closed less than a minute ago.

    With STEWARD_TOKEN set, you act as the owner of the token unless --as or --name says otherwise.
    """
    _change(task, "undo", "Reopened", _acting(role, name, "reopen"), as_json=as_json)


def task_take(
    task: TaskId, role: ActAs = None, name: NameOption = None, *, as_json: AsJson = False
) -> None:
    """Say that you are working on a task. Others see it for 30 minutes.

    With STEWARD_TOKEN set, you act as the owner of the token unless --as or --name says otherwise.
    """
    _change(task, "take", "Yours", _acting(role, name, "take"), as_json=as_json)


def task_release(
    task: TaskId, role: ActAs = None, name: NameOption = None, *, as_json: AsJson = False
) -> None:
    """Put a task back that you took.

    With STEWARD_TOKEN set, you act as the owner of the token unless --as or --name says otherwise.
    """
    _change(task, "release", "Put back", _acting(role, name, "put back"), as_json=as_json)


def _acting(role: str | None, name: str | None, what: str) -> dict[str, object]:
    """Return what a body says of who acts: nothing where their token says it.

    Raises:
        Failure: nothing says in which role they act.
    """
    if token_says_who_acts(role, name):
        return {}
    if role is None:
        raise Failure(f"say in which role you {what} the task: add --as, such as `--as dispatch`")
    return {"actor": actor(role, name)}


def _change(task: int, what: str, said: str, body: dict[str, object], *, as_json: bool) -> None:
    from starters.api_client import ApiClient
    from starters.rendering import print_json, print_text

    with ApiClient.from_environment() as client:
        changed = client.post("tasks", str(task), what, body=body)
    if as_json:
        print_json(changed)
    else:
        print_text(f"{said}: {changed['label']} ({changed['job_id']}).")
