"""The command line: the whole stack or a part of it, hooks, jobs, commands, rules and policy.

Each verb imports what it needs when it runs: so `--help` is quick, and a verb that only asks over
HTTP loads neither Temporal nor a database.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from typer.core import TyperGroup

from starters import conveniences
from starters.erase_verbs import add_erase_verb, add_erasures_verb
from starters.failures import Failure
from starters.faults_told import failures_told, log_as_configured
from starters.health_verbs import add_health_verb
from starters.job_system_verbs import add_job_system_verbs
from starters.key_verbs import keys
from starters.mail_verbs import list_mails, take_back
from starters.moving_verbs import add_moving_verb
from starters.options import (
    DEFAULT_DATA,
    AsJson,
    DataOption,
    NameOption,
    actor,
    examples,
    token_says_who_acts,
)
from starters.outbox_verbs import add_outbox_verbs
from starters.read_verbs import add_read_verb
from starters.rebuild_verbs import add_rebuild_verb
from starters.reconcile_verbs import add_reconcile_verb
from starters.retention_verbs import add_retention_verb
from starters.row_ids import row_id
from starters.session_verbs import sessions
from starters.task_verbs import add_task_verbs
from starters.token_verbs import tokens

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from domain.commands import Command
    from domain.lifecycles import LifecycleKind
    from starters.api_client import ApiClient
    from starters.event_files import HookEvent

ResultT = TypeVar("ResultT")


class Verbs(TyperGroup):
    """Verbs whose failures are told in one line on the standard error, never as a traceback."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401  Typer keeps this type to itself
        """Run a verb."""
        try:
            return super().invoke(ctx)
        except Failure as failure:
            _complain(f"steward: {failure}")
            raise typer.Exit(failure.exit_code) from failure


class MailVerbs(TyperGroup):
    """Lists the mails where no other verb is named: `steward mail` and `steward mail JOB` do."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401  as above
        """Read the arguments."""
        if not args or args[0] not in {*self.commands, *ctx.help_option_names}:
            args = ["list", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=Verbs,
    help="Keeps a home-warranty company's service jobs from being forgotten.",
    epilog=examples("up --sample", "jobs", "why SJ-2001", "do --help"),
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    pretty_exceptions_show_locals=False,
)
hooks = typer.Typer(
    help="Events that could not be read, and secrets of the hook.",
    epilog=examples("hooks dead", "hooks replay 7", "hooks secret"),
    no_args_is_help=True,
    rich_markup_mode=None,
)
mails = typer.Typer(
    cls=MailVerbs,
    help="E-mails: list them, preview a template, or tell of one that came back.",
    epilog=examples("mail", "mail SJ-2001", "mail preview apo_offer", "mail bounce mail.eml"),
    rich_markup_mode=None,
)
policies = typer.Typer(
    help="The company's policy.",
    epilog=examples("policy show", "policy check policy.toml"),
    no_args_is_help=True,
    rich_markup_mode=None,
)

directories = typer.Typer(
    help="The company's people: Area Managers and SPoC specialists.",
    epilog=examples("directory show", "directory check directory.toml"),
    no_args_is_help=True,
    rich_markup_mode=None,
)

LogAsJson = Annotated[bool, typer.Option("--json", help="Log one JSON object a line.")]
Sample = Annotated[
    int, typer.Option(min=1, max=1000, help="Jobs to replay of each procedure and stage, at most.")
]
JobArgument = Annotated[str, typer.Argument(metavar="JOB", help="The job's number.")]
LifecycleArgument = Annotated[
    str,
    typer.Argument(
        metavar="LIFECYCLE",
        help="The procedure, such as plus-one or apo.",
        autocompletion=conveniences.lifecycles_beginning_with,
    ),
]
CommandArgument = Annotated[
    str,
    typer.Argument(
        metavar="COMMAND",
        help="A command that `steward show JOB` lists.",
        autocompletion=conveniences.commands_beginning_with,
    ),
]
FieldArguments = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="FIELD=VALUE",
        help="name=text, name:=json, or name.part=text for a field of a field.",
    ),
]
RoleOption = Annotated[
    str | None, typer.Option("--as", help="Your role. Needed if several roles may do it.")
]

_MISCONFIGURED = 2
_OBJECTS_UNTIL_GARBAGE = 200_000
"""How many objects are made until Python looks for garbage: imports make most of these, and none of
them is any. What runs for long sets its own figure."""


# --- running it -------------------------------------------------------------------------------


@app.command(
    epilog=examples("up", "up --sample", "up --port 8081 --temporal-port 7244 --data desk")
)
def up(
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port of the API and the console.")
    ] = 8080,
    temporal_port: Annotated[
        int, typer.Option(min=1, max=64535, help="Port of Temporal; its UI is 1000 above.")
    ] = 7233,
    data: Annotated[
        Path, typer.Option(help="The folder that everything is kept in.")
    ] = DEFAULT_DATA,
    *,
    sample: Annotated[
        bool, typer.Option("--sample", help="Send a day at the desk through the hook.")
    ] = False,
    as_json: LogAsJson = False,
) -> None:
    """Run everything in the foreground until Ctrl-C.

    Starts Temporal with its UI, the worker, the API and a mail sink on one folder. After a restart,
    every job continues where it was.
    """
    from datetime import UTC, datetime

    from starters.day_at_the_desk import sample_events
    from starters.stack import run_stack
    from workers.settings import load_settings

    _log(as_json, measures_core=True)
    events = sample_events(datetime.now(UTC)) if sample else []

    async def tell_the_day(url: str, known: Collection[str]) -> None:
        from asyncio import to_thread

        typer.echo(await to_thread(_send_samples, url, data, events, known))

    with failures_told():
        _serve(
            run_stack(
                load_settings(),
                port=port,
                temporal_port=temporal_port,
                data=data,
                announce=typer.echo,
                when_ready=tell_the_day if events else None,
            )
        )


@app.command(epilog=examples("worker", "worker --verify", "worker --verify --sample 10 --json"))
def worker(
    sample: Sample = 3,
    *,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify",
            help="Don't run. Replay some jobs of each procedure and stage against this release.",
        ),
    ] = False,
    as_json: LogAsJson = False,
) -> None:
    """Run only the worker.

    TEMPORAL_* names the Temporal server, STEWARD_DATABASE_URL the database and STEWARD_SMTP_URL the
    mail server. --verify takes no work and changes nothing: it exits with 1 if a job would not go
    on, and names it.
    """
    _log(as_json, measures_core=bool(os.environ.get("STEWARD_WORKER_LISTEN")))
    with failures_told():
        if verify:
            from starters.release_verbs import verify_release

            raise typer.Exit(_run(verify_release(sample, as_json=as_json)))
        from workers.worker import main as run_worker

        _serve(run_worker())


@app.command(epilog=examples("promote", "promote --sample 10", "promote --unverified --json"))
def promote(
    sample: Sample = 3,
    *,
    unverified: Annotated[
        bool, typer.Option("--unverified", help="Don't replay any jobs first.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Have Temporal give all work to the workers of this release.

    STEWARD_DEPLOYMENT and STEWARD_BUILD_ID name their version. A worker of it has to run. First
    this replays some jobs of each procedure and stage, as `steward worker --verify` does.
    """
    _log(as_json=False)
    with failures_told():
        from starters.release_verbs import promote_release

        raise typer.Exit(_run(promote_release(None if unverified else sample, as_json=as_json)))


@app.command(epilog=examples("api", "api --host 0.0.0.0 --port 8080"))
def api(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8080,
    *,
    as_json: LogAsJson = False,
) -> None:
    """Run only the HTTP API.

    TEMPORAL_* names the Temporal server and STEWARD_DATABASE_URL the database.
    """
    from starters.api_process import run_api
    from workers.settings import load_settings

    _log(as_json, measures_core=True)
    with failures_told():
        _serve(run_api(load_settings(), host=host, port=port))


@app.command(epilog=examples("setup", "setup --adopt-namespace", "setup --json"))
def setup(
    *,
    adopt_namespace: Annotated[
        bool,
        typer.Option(
            "--adopt-namespace",
            help="Move the database to this namespace, even if it belongs to another one.",
        ),
    ] = False,
    as_json: LogAsJson = False,
) -> None:
    """Set up the database, the namespace and the search attributes, or update them."""
    _log(as_json)
    from workers.setup import main as set_up

    with failures_told():
        _run(set_up(adopt_namespace=adopt_namespace))


# --- hooks ------------------------------------------------------------------------------------


@app.command(
    epilog=examples(
        "hook samples/01-faucet-searching.json",
        "hook --data desk events.jsonl",
        "hook - < event.json",
    )
)
def hook(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE", help="Event files; - is the standard input.")
    ],
    data: DataOption = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Sign the events of files and post them to the hook.

    A file holds one JSON object, an array of them, or one object per line. Values such as now,
    now-49h or now+1h30m become that instant. Each event gets a new webhook-id unless it names one
    as "webhook_id". The secret is the first of STEWARD_HOOK_SECRETS, or the one in the folder of
    `steward up`.
    """
    from datetime import UTC, datetime
    from http import HTTPStatus

    from starters.api_client import in_the_logs
    from starters.event_files import read_events
    from starters.hook_sender import send, signing_secret, was_lost
    from starters.rendering import print_json, print_sent

    now = datetime.now(UTC)
    events = [event for path in files for event in read_events(path, now)]
    secret = signing_secret(data)
    with _client() as client:
        sent = {"items": [send(client, event, secret) for event in events]}
    (print_json if as_json else print_sent)(sent)
    lost = [item for item in sent["items"] if was_lost(item)]
    if any(item["status"] == HTTPStatus.UNAUTHORIZED for item in lost):
        raise Failure(
            "signature refused: check the secret (--data, STEWARD_HOOK_SECRETS) and the clock"
        )
    if lost:
        found = [in_the_logs(item["request_id"]) for item in lost if "request_id" in item]
        raise Failure(
            f"{len(lost)} of {len(events)} events were not accepted; see the reasons above"
            + (f". {' '.join(found)}" if found else "")
        )


@hooks.command(epilog=examples("hooks dead", "hooks dead --json"))
def dead(
    after: Annotated[str | None, typer.Option(help="The cursor from the previous page.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List events with a valid signature that could not be read, newest first."""
    from starters.rendering import print_dead_letters, print_json

    with _client() as client:
        found = client.get("hooks", "dead", after=after)
    (print_json if as_json else print_dead_letters)(found)


@hooks.command(epilog=examples("hooks replay 7", "hooks replay 7 --json"))
def replay(
    letter: Annotated[
        int,
        typer.Argument(metavar="ID", parser=row_id, help="As `steward hooks dead` shows it."),
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Try a dead letter again."""
    from starters.rendering import print_json, print_sent

    with _client() as client:
        answer = client.post("hooks", "dead", str(letter), "replay")
    if as_json:
        print_json(answer)
    else:
        print_sent({"items": [{"source": f"dead letter {letter}", **answer}]})
    if answer["outcome"] == "dead_letter":
        raise Failure(f"dead letter {letter} still can't be read: {answer.get('reason')}")


# --- looking ----------------------------------------------------------------------------------


@app.command(
    epilog=examples(
        "jobs --open",
        "jobs --overdue --waiting-on authorizations",
        "jobs -q faucet --json",
    )
)
def jobs(
    stage: Annotated[str | None, typer.Option(help="Only this stage.")] = None,
    waiting_on: Annotated[str | None, typer.Option(help="Only jobs waiting on this role.")] = None,
    lifecycle: Annotated[
        str | None, typer.Option(help="Only this procedure; none: jobs without one.")
    ] = None,
    trade: Annotated[str | None, typer.Option(help="Only this trade.")] = None,
    severity: Annotated[str | None, typer.Option(help="Only this severity.")] = None,
    overdue: Annotated[
        bool | None,
        typer.Option("--overdue/--on-time", help="Only overdue, or only others."),
    ] = None,
    running: Annotated[
        bool | None, typer.Option("--open/--ended", help="Only running, or only ended.")
    ] = None,
    words: Annotated[str | None, typer.Option("--query", "-q", help="Words to search for.")] = None,
    after: Annotated[str | None, typer.Option(help="The cursor from the previous page.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List jobs, the soonest due first.

    Each procedure of a job has a line of its own. Jobs without one come last.
    """
    from starters.rendering import print_jobs, print_json

    with _client() as client:
        page = client.get(
            "jobs",
            stage=stage,
            waiting_on=waiting_on,
            lifecycle=lifecycle,
            trade=trade,
            severity=severity,
            overdue=overdue,
            open=running,
            q=words,
            after=after,
        )
    (print_json if as_json else print_jobs)(page)


@app.command(epilog=examples("show SJ-2001", "show SJ-2001 --all", "show SJ-2001 --json"))
def show(
    job: JobArgument,
    *,
    whole: Annotated[bool, typer.Option("--all", help="Show all entries, however many.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show a job's status and history.

    Shows the newest 200 entries of each part.
    """
    from starters.rendering import print_job, print_json

    with _client() as client:
        found = client.get("jobs", job)
        older = found.pop("older", {}) if whole else {}
        for part, cursor in older.items():
            after = cursor
            while after:
                page = client.get("jobs", job, "history", part, after=after)
                found[part] = page["items"][::-1] + found[part]
                after = page["after"]
    (print_json if as_json else print_job)(found)


@app.command(epilog=examples("why SJ-2001", "why SJ-2001 --json"))
def why(job: JobArgument, *, as_json: AsJson = False) -> None:
    """Say who a job is waiting for, and what happens next."""
    from starters.rendering import print_json, print_reasons

    with _client() as client:
        found = client.get("jobs", job, "why")
    (print_json if as_json else print_reasons)(found)


@app.command(epilog=examples("stuck", "stuck --json"))
def stuck(*, as_json: AsJson = False) -> None:
    """List what is overdue or failing, and what to do about it."""
    from starters.rendering import print_json, print_stuck

    with _client() as client:
        found = client.get("stuck")
    (print_json if as_json else print_stuck)(found)


@mails.command(
    "preview",
    epilog=examples(
        "mail preview apo_offer",
        'mail preview apo_instructions --brand "Sears Home Warranty"',
        "mail preview apo_instructions --html",
    ),
)
def preview_mail(
    template: Annotated[
        str,
        typer.Argument(metavar="TEMPLATE", help="Its name. An unknown name lists all names."),
    ],
    brand: Annotated[str | None, typer.Option(help="The brand that the customer knows.")] = None,
    *,
    html: Annotated[bool, typer.Option("--html", help="Print the page, not the text.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the e-mail that a template makes, for a sample job.

    Nothing is sent, and nothing needs to be running.
    """
    from activities.previews import BRANDS, preview
    from activities.templating import MailTemplateError
    from starters.rendering import print_json, print_text

    try:
        mail = preview(template, brand or BRANDS[0])
    except MailTemplateError as error:
        raise Failure(str(error)) from error
    if as_json:
        print_json(mail.model_dump(exclude={"to"}))
    elif html:
        typer.echo(mail.html)
    else:
        print_text(f"Subject: {mail.subject}", "", mail.text.rstrip())


# --- doing ------------------------------------------------------------------------------------


@app.command(
    epilog=examples(
        'do SJ-2001 plus-one request_reassignment --as dispatch to="Procure Vendor" reason=Late',
        "do SJ-2001 plus-one approve amount=240.00 non_covered=35.00",
        "do SJ-2001 plus-one deny --as decision_desk reason=Frost partial=true",
        "do SJ-2001 plus-one supply_parts --as parts_sourcing company=Acme what=Valve \\\n"
        "      ship_to.line='12 Elm St' ship_to.city=Tulsa ship_to.state=OK ship_to.zip=74103",
    )
)
def do(
    job: JobArgument,
    lifecycle: LifecycleArgument,
    command: CommandArgument,
    fields: FieldArguments = None,
    role: RoleOption = None,
    name: NameOption = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Give a command on a job.

    Prints the new status, or why the command was refused and what to do instead. With STEWARD_TOKEN
    set, you act as the owner of the token unless --as or --name says otherwise.
    """
    from starters.rendering import print_answer, print_json

    body = _payload(lifecycle, command, fields, role, name)
    answer = _sent("jobs", job, lifecycle, command, body=body, as_json=as_json)
    if as_json:
        print_json(answer)
    else:
        print_answer(job, lifecycle, answer)


@app.command(
    epilog=examples(
        "proof SJ-2001 plus-one customer_called --as customer_service",
        "proof SJ-2001 plus-one approve amount=240.00 non_covered=35.00 --json",
    )
)
def proof(
    job: JobArgument,
    lifecycle: LifecycleArgument,
    command: CommandArgument,
    fields: FieldArguments = None,
    role: RoleOption = None,
    name: NameOption = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Prove that a signal or an update in Temporal UI comes from you.

    Prints the input to paste there. It counts once, within 15 minutes. With STEWARD_TOKEN set, you
    act as the owner of the token unless --as or --name says otherwise.
    """
    from starters.rendering import print_json

    body = _payload(lifecycle, command, fields, role, name)
    made = _sent("jobs", job, lifecycle, command, "proof", body=body, as_json=as_json)
    print_json(made if as_json else made["payload"])


@app.command(
    "fast-forward",
    epilog=examples("fast-forward SJ-2001 plus-one 48h", "fast-forward SJ-2001 plus-one 1h30m"),
)
def fast_forward(
    job: JobArgument,
    lifecycle: LifecycleArgument,
    ahead: Annotated[
        str, typer.Argument(metavar="DURATION", help="Written 48h, 90m, 1h30m, 3d or 2w.")
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Move the clock of one job ahead.

    Works on the stack of `steward up`. Prints the job's new status. Other jobs keep their time.
    TEMPORAL_ADDRESS (127.0.0.1:7233 if unset) and TEMPORAL_NAMESPACE say where Temporal is.
    """
    from domain.durations import parse_elapsed
    from starters.company_time import company_time
    from starters.rendering import print_json, print_standing, print_text
    from workers.fast_forward import CannotFastForward
    from workers.fast_forward import fast_forward as skip_ahead

    log_as_configured()
    kind = _kind(lifecycle)
    try:
        elapsed = parse_elapsed(ahead)
        reached = _run(
            skip_ahead(
                os.environ.get("TEMPORAL_ADDRESS") or "127.0.0.1:7233",
                os.environ.get("TEMPORAL_NAMESPACE") or "default",
                kind.workflow_id(job),
                elapsed,
            )
        )
    except (ValueError, CannotFastForward) as error:
        raise Failure(str(error)) from error
    with _client() as client:
        standings = client.get("jobs", job)["lifecycles"]
    standing = next(each for each in standings if each["lifecycle"] == lifecycle)
    if as_json:
        print_json({"now": f"{reached:%Y-%m-%dT%H:%M:%SZ}", "lifecycle": standing})
    else:
        print_text(f"For {job} it is now {company_time(reached)}.")
        print_standing(job, standing)


# --- knowing ----------------------------------------------------------------------------------


@app.command(epilog=examples("rules", "rules PO-18", "rules G --json"))
def rules(
    prefix: Annotated[
        str, typer.Argument(metavar="PREFIX", help="Only ids that begin so, such as PO or G-0.")
    ] = "",
    *,
    as_json: AsJson = False,
) -> None:
    """List the rules (PO-…), what shows each, and our decisions on their gaps (G-…)."""
    from domain.catalogue import DECISIONS, RULES, UnknownRule, in_numbers, rule
    from starters.rendering import print_json, print_rules

    wanted = prefix.upper()
    chosen = [each for each in RULES.values() if each.id.startswith(wanted)]
    found = [each.model_dump() for each in chosen]
    decided = [each.model_dump() for each in DECISIONS.values() if each.id.startswith(wanted)]
    if not found and not decided:
        try:
            rule(wanted)
        except UnknownRule as unknown:
            raise Failure(str(unknown)) from unknown
    if as_json:
        print_json({"items": found, "decisions": decided})
    else:
        print_rules(found, decided, in_numbers(chosen))


@policies.command("show", epilog=examples("policy show", "policy show --json"))
def show_policy(*, as_json: AsJson = False) -> None:
    """Show the policy from STEWARD_POLICY, or the built-in one."""
    from domain.policy import load_policy
    from starters.rendering import print_json, print_text, toml

    policy = _set_by("STEWARD_POLICY", load_policy)
    document = policy.model_dump(mode="json")
    if as_json:
        print_json({**document, "fingerprint": policy.fingerprint})
    else:
        print_text(f"# {policy.name} ({policy.fingerprint})", "", toml(document))


@policies.command("check", epilog=examples("policy check policy.toml"))
def check_policy(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A policy in TOML.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Check a policy file: name every problem with its line, and what is still a placeholder."""
    from domain.policy import load_policy, policy_warnings
    from starters.rendering import print_json, print_text

    policy = _checked(file, load_policy, as_json=as_json)
    if as_json:
        print_json(
            {
                "name": policy.name,
                "fingerprint": policy.fingerprint,
                "problems": [],
                "warnings": [warning._asdict() for warning in policy_warnings(policy)],
            }
        )
    else:
        print_text(
            f"{file}: valid. Policy {policy.name} ({policy.fingerprint}).",
            *(f"Warning: {warning}" for warning in policy_warnings(policy)),
        )


@directories.command("show", epilog=examples("directory show", "directory show --json"))
def show_directory(*, as_json: AsJson = False) -> None:
    """Show the directory from STEWARD_DIRECTORY; empty if none is set."""
    from domain.directory import load_directory
    from starters.rendering import print_json, print_text, toml

    document = _set_by("STEWARD_DIRECTORY", load_directory).model_dump(mode="json")
    if as_json:
        print_json(document)
    else:
        print_text(toml(document))


@directories.command("check", epilog=examples("directory check directory.toml"))
def check_directory(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A directory in TOML.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Check a directory file and list every problem with its line."""
    from domain.directory import load_directory
    from starters.rendering import print_json, print_text

    directory = _checked(file, load_directory, as_json=as_json)
    count = {name: len(people) for name, people in directory if people}
    if as_json:
        print_json({"count": count, "problems": []})
    else:
        listed = ", ".join(f"{name}: {people}" for name, people in count.items())
        print_text(f"{file}: valid. It lists {listed or 'nobody'}.")


conveniences.add_to(app, hooks)
mails.command(
    "list", epilog=examples("mail list", "mail list SJ-2001", "mail list --state bounced")
)(list_mails)
mails.command(
    "bounce", epilog=examples("mail bounce returned.eml", "mail bounce - < returned.eml")
)(take_back)
add_task_verbs(app)
add_outbox_verbs(app)
add_job_system_verbs(app)
add_reconcile_verb(app)
add_rebuild_verb(app)
add_moving_verb(app)
add_read_verb(app)
add_health_verb(app)
add_erase_verb(app)
add_erasures_verb(app)
add_retention_verb(app)
app.add_typer(hooks, name="hooks")
app.add_typer(mails, name="mail")
app.add_typer(policies, name="policy")
app.add_typer(directories, name="directory")
app.add_typer(tokens, name="token")
app.add_typer(sessions, name="session")
app.add_typer(keys, name="keys")


def main() -> None:
    """Run the command line, and leave the process with its exit code."""
    sys.excepthook = _tell_fault
    gc.set_threshold(_OBJECTS_UNTIL_GARBAGE)
    try:
        app()
    except SystemExit as done:
        if "temporalio" not in sys.modules:
            raise
        # Temporal's SDK can abort a process that ends in the ordinary way (sdk-python 300).
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(done.code if isinstance(done.code, int) else 0)


def _tell_fault(_: object, fault: BaseException, __: object) -> None:
    """Tell a fault of ours by its kind and places: its text may hold a customer's data."""
    from domain.faults import places

    _complain("steward: this is a bug in Steward. Please report these lines:", *places(fault))


# --- helpers ----------------------------------------------------------------------------------


def _set_by(variable: str, load: Callable[[Path | None], ResultT]) -> ResultT:
    """Return what the file that a setting names says."""
    from domain.operator_files import OperatorFileError

    file = os.environ.get(variable)
    try:
        return load(Path(file) if file else None)
    except OperatorFileError as error:
        raise Failure(f"{variable}: {error}", _MISCONFIGURED) from error


def _checked(file: Path, load: Callable[[Path | None], ResultT], *, as_json: bool) -> ResultT:
    """Return what a file says; where it is nonsense, tell every problem and leave."""
    from dataclasses import asdict

    from domain.operator_files import OperatorFileError
    from starters.rendering import print_json

    try:
        return load(file)
    except OperatorFileError as error:
        if as_json:
            print_json({"problems": [asdict(problem) for problem in error.problems]})
        else:
            _complain(*map(str, error.problems))
        raise typer.Exit(1) from error


def _complain(*lines: str) -> None:
    from starters.rendering import printable

    for line in lines:
        typer.echo(printable(line), err=True)


def _sent(*path: str, body: Mapping[str, Any], as_json: bool) -> Any:  # noqa: ANN401  what the API answers
    """Send something and return the answer; a refusal ends the verb, in JSON if that is asked."""
    from starters.api_client import RequestRefused
    from starters.rendering import print_json

    try:
        with _client() as client:
            return client.post(*path, body=body)
    except RequestRefused as refused:
        if as_json:
            print_json(refused.body)
        else:
            _complain(*_refusal(refused.body))
        raise typer.Exit(1) from refused


def _refusal(body: Mapping[str, Any]) -> Iterator[str]:
    from domain.labels import way_out
    from starters.api_client import in_the_logs

    rule, message = body.get("rule"), str(body["message"])
    cited = f" ({rule})" if rule and rule not in message else ""
    yield message if body.get("error") == "unavailable" else f"Refused{cited}: {message}"
    if instead := body.get("instead"):
        yield f"What to do: {way_out(instead)}"
    if request_id := body.get("request_id"):
        yield in_the_logs(request_id)


def _client() -> ApiClient:
    from starters.api_client import ApiClient

    return ApiClient.from_environment()


def _serve(work: Coroutine[Any, Any, None]) -> None:
    from workers.memory import collect_rarely

    collect_rarely()
    _run(work)


def _run(work: Coroutine[Any, Any, ResultT]) -> ResultT:
    import uvloop

    return uvloop.run(work)


def _log(as_json: bool, *, measures_core: bool = False) -> None:  # noqa: FBT001  the option's value
    """Configure logging, before anything can be logged."""
    from workers.telemetry import configure_logging, log_form

    if as_json:
        os.environ["STEWARD_LOG"] = "json"
    configure_logging(log_form(), measures_core=measures_core)


def _send_samples(url: str, data: Path, events: list[HookEvent], known: Collection[str]) -> str:
    from starters.api_client import ApiClient
    from starters.day_at_the_desk import send_samples
    from starters.hook_sender import signing_secret

    with ApiClient(url, os.environ.get("STEWARD_TOKEN")) as client:
        new = send_samples(client, events, signing_secret(data), known)
    if not new:
        return "The samples are already loaded. See them with `steward jobs`."
    return f"Samples sent: {len(new)}. See them with `steward jobs`."


def _kind(lifecycle: str) -> LifecycleKind:
    from domain.suggestions import did_you_mean
    from workflows.registry import LIFECYCLES

    if lifecycle not in LIFECYCLES:
        raise Failure(
            f'there is no procedure "{lifecycle}".{did_you_mean(lifecycle, LIFECYCLES)} '
            f"Use one of: {', '.join(LIFECYCLES)}"
        )
    return LIFECYCLES[lifecycle]


def _command(kind: LifecycleKind, name: str) -> Command:
    from domain.commands import unknown_command

    if name not in kind.commands:
        unknown = unknown_command(kind.commands, name).refusal
        raise Failure(f"{unknown.message} {unknown.instead}")
    return kind.commands[name]


def _payload(
    lifecycle: str, command: str, fields: list[str] | None, role: str | None, name: str | None
) -> dict[str, Any]:
    """Return the payload of a command, with who gives it unless their token says so."""
    from starters.command_fields import read_fields

    declared = _command(_kind(lifecycle), command)
    body = read_fields(fields or [], declared.payload)
    if not token_says_who_acts(role, name):
        body.setdefault("actor", _actor(declared, role, name))
    return body


def _actor(command: Command, role: str | None, name: str | None) -> dict[str, str]:
    from domain.labels import to_do

    roles = sorted(command.roles)
    if role is None and not command.is_for_people:
        raise Failure(f"only Steward itself can {to_do(command.name)}")
    if role is None and len(roles) > 1:
        raise Failure(f"say in which role you act: --as, with one of {', '.join(roles)}")
    return actor(role or roles[0], name)
