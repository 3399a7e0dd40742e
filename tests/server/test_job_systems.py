"""The job system that the settings name: our own copy, one over HTTP, or an own adapter."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from activities.http_job_system import HttpJobSystem
from activities.job_system import OwnCopy
from domain.outgoing import Destination
from workers.job_systems import destinations_of, job_system_of
from workers.settings import Settings, SettingsError, load_settings

ADAPTER = """
from activities.job_system import OwnCopy


class Mainframe(OwnCopy):
    def __init__(self, url, token):
        if token == "wrong":
            raise ValueError("the mainframe takes another kind of token")
        self.url, self.token = url, token


def not_one(url, token):
    return object()


def without_a_token(url):
    return Mainframe(url, None)


NAME = "mainframe"
"""
ENTRY_POINTS = """
[steward.job_systems]
mainframe = acme_mainframe:Mainframe
no-module = acme_nothing:Mainframe
no-class = acme_mainframe:Nothing
no-factory = acme_mainframe:NAME
no-token = acme_mainframe:without_a_token
no-system = acme_mainframe:not_one

[somebody.elses]
other = acme_mainframe:Mainframe
"""


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"STEWARD_{name.upper()}", raising=False)


@pytest.fixture
def _installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a distribution of the operator's as an installer leaves it."""
    (tmp_path / "acme_mainframe.py").write_text(ADAPTER)
    info = tmp_path / "acme_mainframe-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-mainframe\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "acme_mainframe", raising=False)


def settings(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(f"STEWARD_{name.upper()}", value)
    return load_settings()


def refusal(monkeypatch: pytest.MonkeyPatch, **variables: str) -> str:
    with pytest.raises(SettingsError) as error:
        job_system_of(settings(monkeypatch, **variables))
    return str(error.value)


def test_our_own_copy_if_nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    said = settings(monkeypatch)
    assert isinstance(job_system_of(said), OwnCopy)
    assert destinations_of(said) == frozenset()


def test_http_if_an_address_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    said = settings(
        monkeypatch, job_system_url="https://jobs.example/api", job_system_token="token"
    )
    assert isinstance(job_system_of(said), HttpJobSystem)
    assert destinations_of(said) == {Destination.JOB_SYSTEM}


@pytest.mark.parametrize("missing", ["job_system_url", "job_system_token"])
def test_address_and_token_go_together(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    both = {"job_system_url": "https://jobs.example", "job_system_token": "token"}
    del both[missing]
    assert f"STEWARD_{missing.upper()}: not set" in refusal(monkeypatch, **both)


def test_a_token_that_no_header_can_carry_is_refused_unnamed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = refusal(monkeypatch, job_system_url="https://jobs.example", job_system_token="pass wörd")
    assert "STEWARD_JOB_SYSTEM_TOKEN: a token is made of visible ASCII" in said
    assert "wörd" not in said


@pytest.mark.usefixtures("_installed")
def test_an_installed_adapter_is_given_address_and_token(monkeypatch: pytest.MonkeyPatch) -> None:
    said = settings(
        monkeypatch,
        job_system_adapter="mainframe",
        job_system_url="https://jobs.example",
        job_system_token="token",
    )
    system = job_system_of(said)
    assert isinstance(sys.modules["acme_mainframe"], ModuleType)
    assert vars(system) == {"url": "https://jobs.example", "token": "token"}


@pytest.mark.usefixtures("_installed")
def test_an_adapter_needs_neither_and_is_told_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = settings(monkeypatch, job_system_adapter="mainframe")
    assert vars(job_system_of(said)) == {"url": None, "token": None}
    assert destinations_of(said) == {Destination.JOB_SYSTEM}


def test_an_unknown_name_lists_none_where_none_is_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = refusal(monkeypatch, job_system_adapter="mainframe")
    assert said == (
        'STEWARD_JOB_SYSTEM_ADAPTER: no adapter "mainframe" is installed in steward.job_systems. '
        "Installed: none"
    )


@pytest.mark.usefixtures("_installed")
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("other", "Installed: mainframe, no-class, no-factory, no-module, no-system, no-token"),
        ("no-module", "acme_nothing:Mainframe can't be loaded: No module named 'acme_nothing'"),
        ("no-class", "can't be loaded: module 'acme_mainframe' has no attribute 'Nothing'"),
        ("no-factory", "acme_mainframe:NAME can't be called with url and token"),
        ("no-token", "acme_mainframe:without_a_token can't be made: "),
        ("no-system", "returns is no job system: it lacks is_elsewhere"),
    ],
)
def test_what_is_wrong_with_an_adapter_is_said(
    monkeypatch: pytest.MonkeyPatch, name: str, reason: str
) -> None:
    assert reason in refusal(monkeypatch, job_system_adapter=name)


@pytest.mark.usefixtures("_installed")
def test_an_adapter_may_refuse_what_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    said = refusal(monkeypatch, job_system_adapter="mainframe", job_system_token="wrong")
    assert "can't be made: the mainframe takes another kind of token" in said
