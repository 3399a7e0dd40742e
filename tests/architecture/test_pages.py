"""Commands on pages are in blocks that are run; what is not run says why, and stands here."""

from __future__ import annotations

import re

import pytest

from tests.pages import Block, blocks, pages

ALL = [block for page in pages() for block in blocks(page)]
LANGUAGES = {"sh", "console", "json", "jsonl", "mermaid", "python", "text", "toml", "yaml"}
"""`sh` is run as it is printed, by `tests/server/test_pages.py`; `console` is what was printed."""

COMPOSE = "docker compose --file docker-compose.temporal.yml"
NOT_RUN = {
    "README.md": ["make run", "make test"],
    "benchmarks/README.md": ["make bench"],
    "docs/operations.md": [
        f"{COMPOSE} --profile trial up --build --detach --wait",
        f"{COMPOSE} exec api \\",
        f"{COMPOSE} up --detach --wait postgresql",
        f"{COMPOSE} build",
        "kubectl delete --ignore-not-found --namespace steward job steward-setup",
    ],
    "docs/moving.md": ["steward migrate-store --from sqlite:///.steward/steward.sqlite3 \\"],
    "docs/job-system.md": [
        "export STEWARD_JOB_SYSTEM_TOKEN=secret",
        "steward job-system check --adapter mainframe",
        "steward reconcile --dry-run            # what was missed, and nothing else",
    ],
}
"""The first line of every block that is not run, by page. Keep it short."""

_COMMAND = re.compile(
    r"^\s*(?:\$ |#? ?(?:steward|curl|docker|kubectl|make|pip|pytest|temporal|pg_\w+|psql|apt-get"
    r"|git) \S)",
    re.MULTILINE,
)


def of(language: str) -> list[Block]:
    return [block for block in ALL if block.language == language]


def test_there_are_commands_to_run() -> None:
    assert len(of("sh")) > 10


@pytest.mark.parametrize("block", ALL, ids=str)
def test_a_block_says_what_it_is(block: Block) -> None:
    assert block.language in LANGUAGES


@pytest.mark.parametrize(
    "block", [each for each in ALL if each.language not in {"sh", "python"}], ids=str
)
def test_no_command_hides_where_it_is_not_run(block: Block) -> None:
    assert _COMMAND.findall(block.text) == []


@pytest.mark.parametrize("block", of("sh"), ids=str)
def test_a_request_that_is_refused_is_noticed(block: Block) -> None:
    for command in re.findall(r"\bcurl\b.*", block.text):
        assert re.search(r"--fail(-with-body)?\b", command), command


def test_what_is_not_run_is_listed_here_and_says_why() -> None:
    opted_out: dict[str, list[str]] = {}
    for block in ALL:
        if block.not_run is not None:
            assert block.language == "sh", f"{block} is not run in any case"
            assert len(block.not_run.split()) > 3, f"{block}: {block.not_run} is no reason"
            opted_out.setdefault(block.page, []).append(block.text.splitlines()[0])
    assert opted_out == NOT_RUN


# --- the reader of pages -------------------------------------------------------------------------

PAGE = """\
# A page

```sh
steward jobs
```

1. In a list:

   ```sh
   steward why \\
     SJ-1
   ```

<!-- not run: it is what runs right now -->
```sh
make test
```

```console
No lifecycle matches.
```
"""


def test_blocks_are_found_in_order_with_their_lines() -> None:
    found = list(blocks("page.md", PAGE))
    assert [(block.line, block.language) for block in found] == [
        (3, "sh"),
        (9, "sh"),
        (15, "sh"),
        (19, "console"),
    ]
    assert found[1].text == "steward why \\\n  SJ-1\n"
    assert [block.not_run for block in found] == [None, None, "it is what runs right now", None]


@pytest.mark.parametrize(
    "hidden", ["$ steward jobs", "steward jobs", "  curl http://x", "make run"]
)
def test_a_hidden_command_is_found(hidden: str) -> None:
    assert _COMMAND.search(f"Some output\n{hidden}\n")
