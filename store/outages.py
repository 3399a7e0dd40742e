"""Which errors of a database say that it cannot do its work now, rather than that ours is wrong."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError, InterfaceError

_STATES = ("08", "40", "53", "55", "57", "58")
"""Classes of SQLSTATE: connection, rolled back in favour of another, resources, not in the state
that is needed, an operator's doing, the system below."""
_READ_ONLY = ("25006",)
"""A transaction that writes, on a server that only reads: after a failover, or a standby."""
_SQLITE = ("BUSY", "LOCKED", "READONLY", "IOERR", "FULL", "CANTOPEN", "NOMEM", "PROTOCOL")
_SIGNS = ("connection", "failed to resolve host", "wait timeout expired")
"""What a driver says where it could not even ask the server, and so has no code."""


def is_outage(error: DBAPIError) -> bool:
    """Return whether an error would not come if the database were well: asking again may help."""
    if error.connection_invalidated:
        return True
    state = getattr(error.orig, "sqlstate", None)
    if isinstance(state, str):
        return state.startswith(_STATES) or state in _READ_ONLY
    name = getattr(error.orig, "sqlite_errorname", None)
    if isinstance(name, str):
        return name.removeprefix("SQLITE_").startswith(_SQLITE)
    return isinstance(error, InterfaceError) or any(sign in str(error.orig) for sign in _SIGNS)
