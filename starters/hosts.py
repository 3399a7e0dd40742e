"""Names of hosts, as requests give them."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

_HOST = re.compile(rb"(?P<host>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?")
_LAST_PORT = 65535
_USUAL_PORTS = {"http": 80, "https": 443}


def host_of(header: bytes) -> str | None:
    """Return the host that a header names, without its port; None if it is nonsense."""
    read = _HOST.fullmatch(header.lower())
    if read is None or int(read["port"] or 0) > _LAST_PORT:
        return None
    return read["host"].strip(b"[]").decode()


def is_loopback(host: str) -> bool:
    """Return whether a host name means this machine, whatever a name server says."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def origin_of(address: str) -> str:
    """Return the origin of a page's address, as a browser writes it.

    Args:
        address: a whole one, of http or https.
    """
    parts = urlsplit(address)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    is_usual = parts.port in (None, _USUAL_PORTS.get(parts.scheme))
    return f"{parts.scheme}://{host}" + ("" if is_usual else f":{parts.port}")
