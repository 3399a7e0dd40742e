"""The URL of a mail server.

Apart from `activities.postman`: whoever only checks settings brings no mail.
"""

from __future__ import annotations

from urllib.parse import unquote, urlsplit


class SmtpUrlError(ValueError):
    """An SMTP URL, or an address of the sender, that we cannot work with."""


def check_smtp_url(url: str) -> None:
    """Return if mail can be brought to a URL.

    Raises:
        SmtpUrlError: it is none of a mail server.
    """
    SmtpUrl(url)


class SmtpUrl:
    """What an SMTP URL says."""

    def __init__(self, url: str) -> None:
        """Read a URL.

        Raises:
            SmtpUrlError: it is none of a mail server.
        """
        shape = "an SMTP URL looks like smtp://[user:password@]host[:port]"
        try:
            parts = urlsplit(url)
            self.host = parts.hostname or ""
            port = parts.port
        except ValueError as error:
            reason = "its port is a number up to 65535" if "ort" in str(error) else "check its host"
            raise SmtpUrlError(f"{shape}: {reason}") from None
        if parts.scheme not in {"smtp", "smtps"} or not self.host:
            raise SmtpUrlError(shape)
        if parts.path not in {"", "/"} or parts.query or parts.fragment:
            raise SmtpUrlError(
                f"{shape}, and nothing after it: write / ? # in a password as %2F %3F %23"
            )
        if any(char.isspace() for char in self.host):
            raise SmtpUrlError(f"{shape}, without spaces")
        if port == 0:
            raise SmtpUrlError(f"{shape}: no server listens on port 0")
        self.tls = parts.scheme == "smtps"
        self.port = port or (465 if self.tls else 25)
        self.user = unquote(parts.username) if parts.username else None
        self.password = unquote(parts.password) if parts.password else None
        if (self.user is None) != (self.password is None):
            raise SmtpUrlError(f"{shape}: a user needs a password")
