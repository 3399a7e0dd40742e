"""The command line's verbs for tasks of people: `steward tasks`, `steward task done ID`."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from starters.failures import Failure
from starters.row_ids import row_id

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
TaskId = Annotated[
    int, typer.Argument(metavar="ID", parser=row_id, help="The ID that `steward tasks` shows.")
]


def add_task_verbs(app: typer.Typer) -> None:
    """Add the verbs to the command line."""
    group = typer.Typer(
        help="Close a task.",
        epilog="\b\nExamples:\n  steward task done 12 --as dispatch",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    group.command("done", epilog="\b\nExamples:\n  steward task done 12 --as dispatch")(task_done)
    app.command(
        "tasks", epilog="\b\nExamples:\n  steward tasks --role dispatch\n  steward tasks --json"
    )(tasks)
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
    role: Annotated[str | None, typer.Option("--as", help="Your role.")] = None,
    name: Annotated[str | None, typer.Option(help="Your name; your login name if unset.")] = None,
    outcome: Annotated[str | None, typer.Option(help="The outcome.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Mark a task as done.

    With STEWARD_TOKEN set, you act as the owner of the token unless --as or --name says otherwise.
    """
    from starters.api_client import ApiClient
    from starters.rendering import print_json, print_text

    body: dict[str, object] = {"outcome": outcome} if outcome else {}
    if role or name or not os.environ.get("STEWARD_TOKEN"):
        if role is None:
            raise Failure("say in which role you close the task: add --as, such as `--as dispatch`")
        who = name or os.environ.get("USER") or "command line"
        body["actor"] = {"name": who, "role": role}
    with ApiClient.from_environment() as client:
        closed = client.post("tasks", str(task), "done", body=body)
    if as_json:
        print_json(closed)
    else:
        print_text(f"Done: {closed['label']} ({closed['job_id']}).")
