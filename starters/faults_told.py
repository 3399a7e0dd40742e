"""What fails on the way to the database and to Temporal, told in a line with the next step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from starters.failures import CannotRun, Failure, one_line

_MISCONFIGURED = 2


@contextmanager
def failures_told() -> Iterator[None]:
    """Tell what fails as verbs do.

    Raises:
        Failure: it failed.
    """
    from sqlalchemy.exc import DBAPIError
    from temporalio.service import RPCError

    from store.database import StoreUnavailableError
    from workers.settings import SettingsError
    from workers.temporal import TemporalUnreachableError

    try:
        yield
    except (SettingsError, CannotRun) as error:
        raise Failure(str(error), _MISCONFIGURED) from error
    except (StoreUnavailableError, TemporalUnreachableError) as error:
        raise Failure(one_line(str(error))) from error
    except RPCError as error:
        raise Failure(
            f"Temporal refused the request: {one_line(error.message)}. Check TEMPORAL_NAMESPACE "
            "and what its credentials allow, then run `steward setup`"
        ) from error
    except DBAPIError as error:
        # Its first line says what failed; the next ones may quote what was written.
        reason = next(iter(str(error.orig).splitlines()), "")
        raise Failure(
            f"the database refused the request: {reason}. Check STEWARD_DATABASE_URL and the "
            "rights of its user"
        ) from error
