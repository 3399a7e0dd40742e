"""What fails on the way to the database and to Temporal, told in a line with the next step."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from starters.failures import CannotRun, Failure, one_line

_MISCONFIGURED = 2


def log_as_configured() -> None:
    """Send what is logged to standard error in the form of `STEWARD_LOG`.

    Nothing changes where logging is configured already. Verbs that work on the database or with
    Temporal need it: structlog by itself writes to standard output, which is the verb's answer.
    """
    import structlog

    if structlog.is_configured():
        return
    from workers.telemetry import configure_logging, log_form

    told = sys.excepthook
    configure_logging(log_form())
    sys.excepthook = told  # a verb tells a fault as `main` says


@contextmanager
def failures_told() -> Iterator[None]:
    """Tell what fails as verbs do, and log to standard error in the configured form.

    Raises:
        Failure: it failed.
    """
    from sqlalchemy.exc import DBAPIError
    from temporalio.service import RPCError

    from store.database import StoreUnavailableError
    from workers.settings import SettingsError
    from workers.temporal import TemporalUnreachableError

    log_as_configured()
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
