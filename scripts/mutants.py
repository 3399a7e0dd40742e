#!/usr/bin/env python3
"""Changes the rules in small ways (mutants), and tells which changes no test of domain/ notices.

What is changed, and which tests are asked, stands in pyproject.toml under [tool.mutmut]. Arguments
are names of mutants, such as 'domain.guards.*'; without any, all are tried. The score belongs on
docs/mutation-testing.md, beside a reason for each survivor.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import chdir
from difflib import unified_diff
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
NOTICED = {"killed", "timeout", "segfault", "suspicious"}
"""A mutant that never ends, or takes the interpreter down, fails its test as well."""


def copy_to(place: Path) -> None:
    """Copy the checkout as it stands, committed or not: other tests would find mutants in it."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(listed, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    for name in filter(None, done.stdout.split("\0")):
        if (ROOT / name).exists():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, place / name)


def mutmut(*arguments: str) -> str:
    """Return what mutmut says in the present folder; where it fails, say it and stop."""
    done = subprocess.run(
        [sys.executable, "-m", "mutmut", *arguments],
        env={**os.environ, "CI": "1"},  # hypothesis tries the same examples in every run
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{done.stdout[-5000:]}\nmutants: mutmut {arguments[0]} failed")
    return done.stdout


def file_of(mutant: str) -> str:
    """Return the file that a mutant belongs to."""
    module, _, _ = mutant.rpartition(".")
    return module.replace(".", "/") + ".py"


@cache
def functions_in(file: str) -> dict[str, ast.FunctionDef]:
    """Return each function of a mutated file: mutmut keeps originals and mutants side by side."""
    tree = ast.parse(Path("mutants", file).read_text())
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    for function in functions.values():
        function.name, function.decorator_list = "it", []
    return functions


def pair(mutant: str) -> tuple[str, str]:
    """Return the source of a function as it was, and as a mutant has it."""
    functions, name = functions_in(file_of(mutant)), mutant.rpartition(".")[2]
    original = functions[re.sub(r"_\d+$", "_orig", name)]
    return ast.unparse(original), ast.unparse(functions[name])


def difference(mutant: str) -> Iterator[str]:
    """Give the lines that a mutant changes, as they were and as they are."""
    original, changed = (source.splitlines() for source in pair(mutant))
    for line in unified_diff(original, changed, n=0, lineterm=""):
        if not line.startswith(("---", "+++", "@@")):
            yield line


class _WithoutSentences(ast.NodeTransformer):
    """Makes all sentences alike: a text with a space in it is for people."""

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Constant("…") if isinstance(node.value, str) and " " in node.value else node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        if " " not in ast.unparse(node):
            return node
        return ast.Tuple([part for part in node.values if isinstance(part, ast.FormattedValue)])


def rewords(mutant: str) -> bool:
    """Return whether a mutant changes nothing but the wording of a sentence."""
    original, changed = (_WithoutSentences().visit(ast.parse(source)) for source in pair(mutant))
    return ast.dump(original) == ast.dump(changed)


def score() -> str:
    """Return the score of the mutants that are made in the present folder."""
    mutmut("run", "--max-children", str(os.cpu_count() or 1), *sys.argv[1:])

    said = (line.strip() for line in mutmut("results", "--all", "true").splitlines())
    statuses = dict(line.split(": ", 1) for line in said if ": " in line)
    tried = {mutant for mutant, status in statuses.items() if status != "not checked"}
    survived = {mutant for mutant in tried if statuses[mutant] not in NOTICED}
    reworded = {mutant for mutant in survived if rewords(mutant)}

    of_each, of_survivors, of_reworded = (
        Counter(file_of(mutant) for mutant in mutants) for mutants in (tried, survived, reworded)
    )
    lines = ["| File | Mutants | Killed | Survived | of these, wording |", "|---|---|---|---|---|"]
    for file, mutants in sorted(of_each.items()):
        lived = of_survivors[file]
        lines.append(
            f"| `{file}` | {mutants} | {mutants - lived} | {lived} | {of_reworded[file]} |"
        )
    for mutant in sorted(survived - reworded):
        lines += ["", f"{mutant}: {statuses[mutant]}", *difference(mutant)]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Try the mutants; print the score of each file, and what survivors change in the rules."""
    with TemporaryDirectory(prefix="mutants-") as place, chdir(place):
        copy_to(Path(place))
        sys.stdout.write(score())


if __name__ == "__main__":
    main()
