"""A newcomer clones the repository, does what README.md says, and sees what it promises.

`make run` makes the environment and keeps a terminal of its own busy, on ports that are free here.
The commands of the first story are typed one after the other into a second terminal. All of
README.md, in a stack as `make run` starts it, is in test_pages.py; `make test` is what runs right
now.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from shutil import rmtree

import pytest

from tests.ports import free_port
from tests.server.processes import Processes, environment, eventually, running_now

ROOT = Path(__file__).parents[2]
RUN, TEST = "make run", "make test"
LAST = "steward mail"
"""With this, the first story ends: it has shown what a newcomer needs of the environment."""


def commands(readme: str) -> list[str]:
    """The lines of all blocks that are to be run."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def clone(place: Path) -> Path:
    """What is committed, and nothing else."""
    # Whose the repository is does not matter: nothing of it is run while it is cloned.
    trusting = place / "gitconfig"
    trusting.write_text("[safe]\ndirectory = *\n")
    subprocess.run(
        ["git", "clone", "--quiet", str(ROOT), "steward"],
        cwd=place,
        env={**os.environ, "GIT_CONFIG_GLOBAL": str(trusting)},
        check=True,
    )
    return place / "steward"


def outside_of_our_environment() -> str:
    ours = str(Path(sys.executable).parent)
    return os.pathsep.join(each for each in os.get_exec_path() if each != ours)


@pytest.mark.timeout(480)
def test_what_the_readme_says_works_in_a_fresh_clone(tmp_path: Path) -> None:
    checkout = clone(tmp_path)
    port, temporal_port = free_port(), free_port(1000)
    variables = environment(
        PATH=outside_of_our_environment(),
        PYTHONPATH="",
        ARGS=f"--port {port} --temporal-port {temporal_port}",
        STEWARD_URL=f"http://127.0.0.1:{port}",
        TEMPORAL_ADDRESS=f"127.0.0.1:{temporal_port}",
    )
    typed = commands((checkout / "README.md").read_text())
    assert {RUN, TEST} <= set(typed)
    story = typed[: typed.index(LAST) + 1]
    script = "\n".join(line for line in story if line not in {RUN, TEST})
    with Processes(tmp_path) as processes:
        stack = processes.start(RUN.split(), variables, checkout)
        stack.until_said("Samples sent", patience=240)
        terminal = processes.start(["bash", "-ec", script], variables, checkout)
        assert terminal.exit_code(within=200) == 0, terminal.said
        for promised in ("PO-18", "No Provider Found"):
            assert promised in terminal.said

        family = processes.family(stack)
        stack.interrupt()
        eventually(lambda: not family & running_now(), "the end of the stack")
    rmtree(checkout)
