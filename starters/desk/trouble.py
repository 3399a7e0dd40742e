"""What needs a hand: what is stuck, dead letters, mail, and what others still have to be told."""

from __future__ import annotations

from fastapi import APIRouter

from starters.desk.hooks_page import hook_routes
from starters.desk.mail_page import mail_pages
from starters.desk.outbox_page import OutboxPages
from starters.desk.pages import Pages
from starters.desk.parts import DeskParts
from starters.desk.stuck_page import StuckPages
from starters.routes import Routes


def trouble_routes(parts: DeskParts, pages: Pages) -> APIRouter:
    """Return the pages of what needs a hand, and what their forms are sent to."""
    router = Routes()
    stuck = StuckPages(parts, pages)
    router.take(stuck.routes())
    router.take(hook_routes(parts, pages))
    router.take(mail_pages(parts, pages))
    router.take(OutboxPages(parts, pages, stuck).routes())
    return router
