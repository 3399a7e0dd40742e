"""The lines that a lifecycle needs in files that are there already."""

from __future__ import annotations

import re
from dataclasses import dataclass

from scaffold.names import Names, ScaffoldError


@dataclass(frozen=True, kw_only=True)
class Registration:
    """Lines of a lifecycle in a file of all lifecycles."""

    path: str
    before: str
    """A regular expression, found once: the lines go in before it."""
    lines: str
    """A template; see `Names.put_into`."""

    def put_into(self, text: str, names: Names) -> str:
        """Return the file's text with the lines in it.

        Raises:
            ScaffoldError: the place is not found, or there are several.
        """
        places = [*re.finditer(self.before, text)]
        if len(places) != 1:
            raise ScaffoldError(
                f"{self.path} has {len(places)} places like {self.before!r}, and there has to be "
                "one. Bring scaffold/registrations.py up to date with the file."
            )
        at = places[0].start()
        return text[:at] + names.put_into(self.lines) + text[at:]


REGISTRATIONS: tuple[Registration, ...] = (
    Registration(
        path="workflows/registry.py",
        before=r"from workflows\.temporal import",
        lines="from workflows.$module import ${camel}Workflow\n",
    ),
    Registration(
        path="workflows/registry.py",
        before=r"\)\n\nALL_WORKFLOWS",
        lines="    ${camel}Workflow,\n",
    ),
    Registration(
        path="domain/labels.py",
        before=r'    # whatever the lifecycle\n    "accepted_too_late"',
        lines='    # $name\n    "do_work": "Do the work",\n'
        '    "step_in": "Step in: work not done",\n',
    ),
    Registration(
        path="domain/labels.py",
        before=r'    # whatever the lifecycle\n    "cancelled"',
        lines='    # $name\n    "requested": "Waiting for Dispatch to do the work",\n',
    ),
    Registration(
        path="domain/labels.py",
        before=r'    # whatever the lifecycle\n    "dismiss_attention"',
        lines='    # $name\n    "request": "Ask Dispatch for work",\n'
        '    "complete": "Log that the work is done",\n',
    ),
    Registration(
        path="domain/labels.py",
        before=r'\}\n"""Each lifecycle, as the name',
        lines='    "$name": "$title",\n',
    ),
    Registration(
        path="domain/policy.py",
        before=r"from domain\.policy_values import",
        lines="from domain.$module.policy import ${camel}Policy\n",
    ),
    Registration(
        path="domain/policy.py",
        before=r"\n    @property\n    def fingerprint",
        lines="    $module: ${camel}Policy = ${camel}Policy()\n",
    ),
    Registration(
        path="domain/policy.toml",
        before=r"\[brands\] ",
        lines="[$module.work]  # Dispatch does the work, then a supervisor helps ($prefix-02)\n"
        'attempts = 3\nevery = "1bd"\n\n',
    ),
    Registration(
        path="domain/rules.csv",
        before=r"\Z",
        lines="$prefix-01,$prefix,guard,$title is asked for while the job is open.,"
        "request is refused on a job that is over,enforced,"
        "tests/domain/test_$module.py::test_work_is_asked_for_on_an_open_job\n"
        "$prefix-02,$prefix,timer,$title is done by Dispatch within a business day.,"
        "reminders as in the policy $module.work and then a supervisor's task,performed,"
        "tests/scenarios/test_$module.py::"
        "test_dispatch_is_reminded_and_then_a_supervisor_steps_in\n"
        "$prefix-03,$prefix,note,$title ends with a note of what was done.,"
        "complete writes it,performed,"
        "tests/scenarios/test_$module.py::test_what_was_done_stands_in_a_note\n",
    ),
    Registration(
        path="tests/domain/test_policy.py",
        before=r'\}\n"""What later releases added',
        lines='    "$module": {"work": {"attempts": 3, "every": "1bd"}},\n',
    ),
    Registration(
        path="benchmarks/golden_paths.py",
        before=r"from domain\.plus_one\.kind import",
        lines="from domain.$module.kind import $const\n",
    ),
    Registration(
        path="benchmarks/golden_paths.py",
        before=r"\)\n\Z",
        lines="""    GoldenPath(
        name="$title to completed",
        lifecycle=$const,
        before=(changed("job.created", Role.DISPATCH, status="New"),),
        told=(Order("request"), Order("complete")),
        ends_as="completed",
        time_is_skipped=False,
    ),
""",
    ),
    Registration(
        path="benchmarks/costs.py",
        before=r"@dataclass\(frozen=True, kw_only=True\)\nclass GoldenPath",
        lines='''async def ${module}_completed(desk: Desk) -> Cost:
    """Dispatch is asked for work, and does it in time."""
    job = desk.job().of("$name")
    await job.event("job.created")
    await job.ok("request", "customer_service", what="Call the customer")
    await job.rests()
    await job.ok("complete", "dispatch", text="Called; the visit is on Friday")
    await job.ends_as("completed")
    return await so_far(job)


''',
    ),
    Registration(
        path="benchmarks/costs.py",
        before=r'\)\n"""The paths whose cost',
        lines="""    GoldenPath(
        title="$title, asked for and done",
        lifecycle="$name",
        story=${module}_completed,
    ),
""",
    ),
    Registration(
        path="tests/scenarios/test_costs.py",
        before=r'"""  # noqa: E501',
        lines="$title, asked for and done$gap  |      1 |          2 |      1 |       0 "
        "|       2 |       1 |       7 |     27 |     4 |         19\n",
    ),
    Registration(
        path="README.md",
        before=r"\n\| You want to \| Look at \|",
        lines="| $title | [story](workflows/$module.py) | [rules](domain/$module/rules.py) | "
        "[waits](domain/$module/waits.py) | [commands](domain/$module/commands.py) | "
        "[$name](docs/$name.md) |\n",
    ),
)
