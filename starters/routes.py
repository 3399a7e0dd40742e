"""Routes that cost nothing until somebody comes along them.

FastAPI reads the signature of every endpoint when it is added, and once more for each router that
its own is included in. With two hundred endpoints that took longer than everything else that an
API does when it starts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from fastapi import APIRouter
from fastapi.params import Depends
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, compile_path


class LateRoute(APIRoute):
    """A route whose endpoint is read when it is first asked for, or described.

    A mistake in a signature shows itself then, and no longer when the API starts.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:  # noqa: ANN401  FastAPI's own
        """Take what FastAPI's route takes, and work out only what an address is held against."""
        self._unread: tuple[str, Callable[..., Any], dict[str, Any]] | None
        self._unread = path, endpoint, options
        self.path, self.endpoint = path, endpoint
        self.path_regex, self.path_format, self.param_convertors = compile_path(path)
        self.methods = {method.upper() for method in options.get("methods") or ["GET"]}

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  whatever FastAPI makes of the endpoint
        """Read the endpoint: Python asks here only for what is not there yet.

        Raises:
            AttributeError: no route has such an attribute.
        """
        if self.__dict__.get("_unread") is None:
            raise AttributeError(name)
        (path, endpoint, options), self._unread = self._unread, None  # type: ignore[misc]  # it is there
        super().__init__(path, endpoint, **options)
        return getattr(self, name)

    def behind(self, before: Sequence[Depends], *, is_described: bool) -> LateRoute:
        """Return the same route, with something to be seen to before its own.

        Args:
            before: what is seen to first.
            is_described: whether the document may tell of the route.

        Raises:
            RuntimeError: the route was read before.
        """
        if self._unread is None:
            raise RuntimeError(f"{self.path} was asked for before it was included")
        path, endpoint, options = self._unread
        changes = {
            "dependencies": [*before, *(options.get("dependencies") or ())],
            "include_in_schema": is_described and options.get("include_in_schema", True),
        }
        return LateRoute(path, endpoint, **options | changes)


class Routes(APIRouter):
    """A router of routes that are read late, and that takes over those of others as they are."""

    def __init__(
        self,
        *,
        tags: Sequence[str] = (),
        include_in_schema: bool = True,
        dependencies: Sequence[Depends] = (),
    ) -> None:
        """Take what all its routes have in common, in FastAPI's words."""
        super().__init__(
            tags=list(tags),
            include_in_schema=include_in_schema,
            dependencies=list(dependencies),
            route_class=LateRoute,
        )

    def take(self, other: APIRouter, before: Sequence[Depends] = ()) -> None:
        """Take over all routes of another router.

        Args:
            other: whose routes they are; what is added to it later is not taken over.
            before: what is seen to before anything of theirs.
        """
        self.routes.extend(taken_over(other, before, is_described=self.include_in_schema))
        self._mark_routes_changed()


def taken_over(
    router: APIRouter, before: Sequence[Depends] = (), *, is_described: bool = True
) -> Iterator[BaseRoute]:
    """Yield a router's routes as another one has them.

    Args:
        router: whose routes they are.
        before: what is seen to before anything of theirs.
        is_described: whether the document may tell of them.

    Raises:
        TypeError: a route cannot be changed so, as it is none of ours.
    """
    for route in router.routes:
        if isinstance(route, LateRoute):
            yield route.behind(before, is_described=is_described)
        elif before or not is_described:
            raise TypeError(f"{route} is no LateRoute")
        else:
            yield route
