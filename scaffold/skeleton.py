"""The skeleton of a lifecycle: the files that are new, and the lines in files that are there."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from domain.catalogue import RULES
from domain.policy import Policy
from scaffold.names import Names, ScaffoldError
from scaffold.registrations import REGISTRATIONS
from workflows.registry import LIFECYCLES

TEMPLATES = Path(__file__).parent / "templates"
_SUFFIX = ".txt"
_DECISIONS = "G"
"""What the ids of decisions begin with."""


@dataclass(frozen=True)
class Skeleton:
    """All that is written for a lifecycle, by its path in the checkout."""

    new: Mapping[str, str]
    changed: Mapping[str, str]


def skeleton_of(names: Names, root: Path) -> Skeleton:
    """Return what is to be written into a checkout for a lifecycle.

    Raises:
        ScaffoldError: a name is taken, a file is there already or has changes that are not
            committed, or a place for a line is not found.
    """
    new = {
        _path_of(path, names): names.put_into(path.read_text("utf-8"))
        for path in sorted(TEMPLATES.rglob(f"*{_SUFFIX}"))
    }
    _refuse_names_that_are_taken(names, [*new], root)
    _refuse_uncommitted_changes([*dict.fromkeys(each.path for each in REGISTRATIONS)], root)
    changed: dict[str, str] = {}
    for registration in REGISTRATIONS:
        path = registration.path
        before = changed.get(path) or _read(root / path)
        changed[path] = registration.put_into(before, names)
    return Skeleton(new, changed)


def write(skeleton: Skeleton, root: Path) -> None:
    """Write a skeleton into a checkout, with imports in order and formatted.

    Raises:
        ScaffoldError: the code could not be formatted.
    """
    for name, text in {**skeleton.new, **skeleton.changed}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    modules = [name for name in (*skeleton.new, *skeleton.changed) if name.endswith(".py")]
    _ruff(root, "check", "--quiet", "--select", "I", "--fix", *modules)
    _ruff(root, "format", "--quiet", *modules)


def _path_of(template: Path, names: Names) -> str:
    path = template.relative_to(TEMPLATES).as_posix().removesuffix(_SUFFIX)
    return path.replace("MODULE", names.module).replace("NAME", names.name)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        raise ScaffoldError(
            f"{path} is not there. Run this in a whole checkout of Steward."
        ) from None


# --- what must not be overwritten -------------------------------------------------------------


def _refuse_names_that_are_taken(names: Names, new: list[str], root: Path) -> None:
    if names.name in LIFECYCLES:
        raise ScaffoldError(f"There is a lifecycle {names.name} already. Choose another name.")
    for path in (*new, f"domain/{names.module}.py"):
        if (root / path).exists():
            raise ScaffoldError(
                f"{path} is there already, and nothing is overwritten. Choose another name, or "
                "remove what an earlier attempt left behind."
            )
    if names.module in Policy.model_fields:
        raise ScaffoldError(
            f"The policy has a section [{names.module}] already. Choose another name."
        )
    if taken := {names.camel, names.const} & set(_words_of_templates()):
        raise ScaffoldError(
            f"The skeleton needs {taken.pop()} for something else. Choose a longer name."
        )
    prefixes = {rule.procedure for rule in RULES.values()} | {_DECISIONS}
    if names.prefix in prefixes:
        raise ScaffoldError(
            f"The ids of other rules begin with {names.prefix}. Choose another with --prefix."
        )


def _words_of_templates() -> Iterator[str]:
    for path in TEMPLATES.rglob(f"*.py{_SUFFIX}"):
        yield from re.findall(r"(?<!\$)\b\w+\b", path.read_text("utf-8"))


def _refuse_uncommitted_changes(paths: list[str], root: Path) -> None:
    if not (root / ".git").exists():
        return  # an unpacked archive, say: then nothing tells what was changed
    status = subprocess.run(
        ["git", "diff", "--name-only", "HEAD", "--", *paths],  # noqa: S607  whichever git there is
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    if changed := status.stdout.split():
        raise ScaffoldError(
            f"These files get new lines, and have changes that are not committed: "
            f"{', '.join(changed)}. Commit them first, so that git shows what was added."
        )


def _ruff(root: Path, *arguments: str) -> None:
    ruff = subprocess.run(
        [sys.executable, "-m", "ruff", *arguments],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    if ruff.returncode:
        raise ScaffoldError(
            f"All files are written, but ruff did not format them: {ruff.stderr or ruff.stdout}"
        )
