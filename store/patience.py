"""How long a database may take: no request waits longer, and no thread is lost to one that hangs.

A server that is busy ends a statement itself; one that has stopped, or whose network has, does not.
So the client counts, too, and gives the connection up.
"""

from __future__ import annotations

from collections.abc import Mapping

SQLITE_BUSY_SECONDS = 3
"""How long a transaction waits for another process that writes the file."""
LOCK_SECONDS = 2
"""How long a statement waits for a lock that another transaction holds."""
STATEMENT_SECONDS = 4
"""How long a statement may take, its locks included."""
SILENCE_SECONDS = 6
"""How long the client waits for a server that says nothing at all."""
CONNECT_ARGUMENTS: Mapping[str, int] = {
    "connect_timeout": 3,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""How long PostgreSQL may take to be reached, and how a server that has vanished is noticed."""
