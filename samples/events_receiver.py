"""Takes Steward's events, prints each once: `EVENTS_SECRETS=whsec_… events_receiver.py PORT`."""

import base64
import hmac
import json
import os
import sys
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

FIVE_MINUTES = 300


def event_in(headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """Return a request's event; raise PermissionError unless Steward has just sent it."""
    event_id, sent = headers["webhook-id"], headers["webhook-timestamp"]
    is_recent = abs(time.time() - int(sent)) < FIVE_MINUTES
    for secret in os.environ["EVENTS_SECRETS"].split(","):
        key = base64.b64decode(secret.removeprefix("whsec_"))
        digest = hmac.digest(key, f"{event_id}.{sent}.".encode() + body, "sha256")
        expected = b"v1," + base64.b64encode(digest)
        signatures = headers["webhook-signature"].encode().split()
        if is_recent and any(hmac.compare_digest(expected, each) for each in signatures):
            return dict(json.loads(body))
    raise PermissionError("not signed with a secret of ours in the last five minutes")


class Receiver(BaseHTTPRequestHandler):
    """Answers events."""

    seen: set[str] = set()  # noqa: RUF012  of all requests; a program of yours keeps it in its database

    def do_POST(self) -> None:
        """Take an event: 204, or 401 if Steward has not just sent it."""
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            event = event_in({name.lower(): self.headers[name] for name in self.headers}, body)
        except (PermissionError, KeyError, ValueError):
            self.send_error(401)
            return
        if self.headers["webhook-id"] not in self.seen:
            self.seen.add(self.headers["webhook-id"])
            sys.stdout.write(json.dumps(event) + "\n")
            sys.stdout.flush()
        self.send_response(204)
        self.end_headers()


if __name__ == "__main__":
    HTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
