"""What is shown of a job whose data was erased: that it was, when, by whom and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import Request, Response

from domain.erasing import erased_banner
from starters.desk.pages import Pages
from starters.desk.people import Person

_NOTHING_CAN_BE_DONE = 409


def erased_page(
    pages: Pages,
    request: Request,
    who: Person,
    found: Mapping[str, Any],
    status: int = _NOTHING_CAN_BE_DONE,
) -> Response:
    """Return the page of an erased job, which stands for all pages of it.

    Args:
        pages: the desk's pages.
        request: what was asked.
        who: who asked.
        found: the job, as `Reading.job` has it.
        status: of the answer; usually that of a refusal.
    """
    erased = found["erased"]
    return pages.show(
        request,
        who,
        "erased.html",
        status,
        job=found["job"],
        said=erased_banner(erased["at"], erased["by"], erased["reason"], pages.zone),
        ended=found["lifecycles"],
        here=None,
    )
