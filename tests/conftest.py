"""How hypothesis tries: no deadline, since a busy machine is no bug, and the same way in CI."""

import os

from hypothesis import settings

pytest_plugins = ["tests.fixtures", "tests.store.postgresql"]

settings.register_profile("steward", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("steward")
