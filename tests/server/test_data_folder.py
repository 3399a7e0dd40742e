"""What is in the data folder is its owner's alone, also what was there before."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from starters.data_folder import FolderError, hold, prepare
from starters.failures import Failure


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_folder_and_what_is_made_in_it_are_its_owner_s(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "desk"
    prepare(folder)
    (folder / "mail").mkdir()
    (folder / "mail" / "1").write_text("Dear Ada")
    assert mode(folder) == mode(folder / "mail") == 0o700
    assert mode(folder / "mail" / "1") == 0o600


def test_what_was_there_before_is_taken_from_others(tmp_path: Path) -> None:
    folder = tmp_path / "desk"
    (folder / "mail").mkdir(parents=True)
    names = ["steward.sqlite3", "steward.sqlite3-wal", "temporal.sqlite3", "hook-secrets", "mail/1"]
    for name in names:
        (folder / name).write_text("x")
        (folder / name).chmod(0o644)
    prepare(folder)
    assert mode(folder) == mode(folder / "mail") == 0o700
    assert {mode(folder / name) for name in names} == {0o600}
    assert not (folder / ".writable").exists()


def test_what_a_link_leads_to_is_left_alone(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("x")
    elsewhere.chmod(0o644)
    folder = tmp_path / "desk"
    folder.mkdir()
    (folder / "link").symlink_to(elsewhere)
    (folder / "dangling").symlink_to(tmp_path / "gone")
    prepare(folder)
    assert mode(elsewhere) == 0o644


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(
        FolderError,
        match=r"can't write to the data folder .*file/desk \(Not a directory\)\. Name another",
    ):
        prepare(tmp_path / "file" / "desk")


def test_a_lock_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()
    with (
        pytest.raises(Failure, match=r"can't open .*/lock \(Is a directory\)") as failure,
        hold(tmp_path),
    ):
        pass
    assert failure.value.exit_code == 2
