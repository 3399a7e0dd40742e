"""The files that pages need: styles, scripts, the icon. Their addresses change with their content.

So a browser keeps them for ever, and a new release is seen at once.
"""

from __future__ import annotations

import mimetypes
from functools import cache
from hashlib import sha256
from pathlib import Path

from fastapi import APIRouter, Response
from starlette.exceptions import HTTPException

from starters.routes import Routes

PREFIX = "/console/static"
_FOLDER = Path(__file__).parent / "static"
_FOR_EVER = "public, max-age=31536000, immutable"


@cache
def _files() -> dict[str, tuple[bytes, str]]:
    """Return the content of each file and its media type, by its name."""
    return {
        path.name: (path.read_bytes(), mimetypes.guess_type(path.name)[0] or "text/plain")
        for path in sorted(_FOLDER.iterdir())
        if path.is_file()
    }


@cache
def file_address(name: str) -> str:
    """Return where a file of the desk is.

    Raises:
        KeyError: there is no such file.
    """
    content, _ = _files()[name]
    return f"{PREFIX}/{sha256(content).hexdigest()[:12]}/{name}"


def static_routes() -> APIRouter:
    """Return the route of the files, which need no sign-in: they say nothing of anybody."""
    router = Routes(include_in_schema=False)

    @router.get(PREFIX + "/{version}/{name}")
    async def file(version: str, name: str) -> Response:
        if name not in _files() or file_address(name) != f"{PREFIX}/{version}/{name}":
            raise HTTPException(404)
        content, media_type = _files()[name]
        return Response(content, media_type=media_type, headers={"cache-control": _FOR_EVER})

    return router
