"""What holds for every test: bytecode, Ctrl-C, hypothesis, and how Python collects garbage."""

import gc
import os
import signal
import sys

from hypothesis import settings

# Else each process that a test starts, and each story that is made anew, compiles all its modules:
# starting takes twice as long.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Started in the background of a shell, all that tests start would ignore a Ctrl-C, as we do then.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = [
    "tests.store.postgresql",
    "tests.fixtures",
    "tests.crash_points.summary",
    "tests.server.warm_start",
]

# No deadline, since a busy machine is no bug; and the same way in CI.
settings.register_profile("steward", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("steward")

# A full collection over thousands of tests' objects can outlast the two seconds that Temporal gives
# a workflow's code on a busy machine.
gc.freeze()
gc.set_threshold(50_000, 20, 1_000)
