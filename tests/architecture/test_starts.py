"""What a process loads before it works: each library takes processor time from every start.

A process of each kind says which modules it has once it has imported what it runs.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Final

import pytest

_SCHEMA = frozenset({"alembic", "mako"})
"""A store that is up to date is not migrated."""
_SIGN_IN = frozenset({"authlib", "httpx2", "joserfc", "starters.oidc"})
"""Only a company with accounts of its own signs in with OpenID Connect."""
_OTHER_STORES = frozenset({"psycopg", "pymysql", "sqlalchemy.dialects.mssql"})
"""A store on SQLite needs no driver of another."""
_WORKER = frozenset({"temporalio.worker", "temporalio.testing", "aiosmtplib", "aiosmtpd"})
"""What carries out workflows, moves their time and sends mail."""
_API = frozenset({"fastapi", "starlette", "starters.app"})
_TRACES = frozenset({"opentelemetry.sdk", "opentelemetry.exporter"})
"""Traces are kept where somebody asks for them."""
_UNTIL_ASKED = _SCHEMA | _SIGN_IN | _OTHER_STORES | _TRACES
_MODELS = frozenset({"pydantic", "holidays", "structlog", "temporalio", "sqlalchemy", "jinja2"})

_KINDS: Final[Mapping[str, tuple[str, frozenset[str]]]] = {
    "steward up": ("starters.stack", _UNTIL_ASKED),
    "steward api": ("starters.api_process", _UNTIL_ASKED | _WORKER),
    "steward worker": ("workers.worker, starters.faults_told", _UNTIL_ASKED | _API | {"aiosmtpd"}),
    "steward setup": ("workers.setup", _SIGN_IN | _OTHER_STORES | _API | _WORKER | {"jinja2"}),
    "a verb over HTTP": ("starters.api_client, starters.rendering", _MODELS | _API | _UNTIL_ASKED),
    "a verb on the store": (
        "starters.token_verbs, starters.on_the_database, starters.rendering, workers.settings",
        _API | _WORKER | _UNTIL_ASKED | {"holidays", "structlog", "temporalio", "jinja2"},
    ),
}


@pytest.mark.parametrize("kind", _KINDS)
def test_a_process_loads_what_it_works_with_and_nothing_else(kind: str) -> None:
    runs, needless = _KINDS[kind]
    ours = {name: said for name, said in os.environ.items() if not name.startswith("STEWARD_")}
    loaded = subprocess.run(
        [sys.executable, "-c", f"import sys, starters.cli, {runs}; print(*sys.modules)"],
        env=ours,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert len(loaded) > 100, "it loads nothing at all"
    assert needless.isdisjoint(loaded)
