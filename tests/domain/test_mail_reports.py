"""What mail servers send back is read, whatever they write, and whatever a stranger makes of it."""

from __future__ import annotations

from base64 import b64encode
from json import dumps
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.effects import MailFate
from domain.mail_ids import message_token
from domain.mail_reports import (
    LARGEST_MESSAGE,
    MailReport,
    ReportKind,
    UnreadableReportError,
    read_report,
    read_returned,
)

TOKEN = message_token("apo/SJ-1#1/start/1")
OURS = f"<{TOKEN}@home-warranty.example>"
BOUNCED, DELAYED, DELIVERED = ReportKind.BOUNCED, ReportKind.DELAYED, ReportKind.DELIVERED


def returned(
    action: str = "failed",
    status: str = "5.1.1",
    said: str = "smtp; 550 5.1.1 <ada@example.com>: no such user",
    *,
    top: str = "",
    of_message: str = "",
    message: str = f"Content-Type: message/rfc822\n\nMessage-ID: {OURS}\nSubject: Job SJ-1\n\nHi\n",
) -> bytes:
    """A delivery report as mail servers write it."""
    return (
        "From: MAILER-DAEMON@mx.example\nTo: steward@home-warranty.example\n"
        f"Subject: Undelivered Mail Returned to Sender\nAuto-Submitted: auto-replied\n{top}"
        "MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status;\n"
        ' boundary="b"\n\n'
        "--b\nContent-Type: text/plain\n\nI'm sorry.\n"
        "--b\nContent-Type: message/delivery-status\n\n"
        f"Reporting-MTA: dns; mx.example\n{of_message}\n"
        f"Final-Recipient: rfc822; ada@example.com\nAction: {action}\nStatus: {status}\n"
        f"Diagnostic-Code: {said}\n"
        f"\n--b\n{message}\n--b--\n"
    ).encode()


NOTHING = "Content-Type: text/plain\n\nNothing\n"
HEADERS = f"Content-Type: text/rfc822-headers\n\nMessage-ID: {OURS}\nSubject: Job SJ-1\n"


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (returned(), BOUNCED),
        (returned(message=HEADERS), BOUNCED),
        (returned(message=NOTHING, of_message=f"Original-Envelope-Id: {TOKEN}\n"), BOUNCED),
        (returned(message=NOTHING, top=f"In-Reply-To: {OURS}\n"), BOUNCED),
        (returned(message=NOTHING, top=f"References: <a@b> {OURS}\n"), BOUNCED),
        (returned("failed", "4.4.7"), BOUNCED),  # it has given up after days
        (returned("delayed", "4.4.1"), DELAYED),
        (returned("delivered", "2.0.0"), DELIVERED),
        (returned("relayed", "2.0.0"), DELIVERED),
        (returned("FAILED (bad mailbox)", ""), BOUNCED),
        (returned("", "5.0.0"), BOUNCED),
        (returned("", "4.2.2"), DELAYED),
        (returned().replace(b"\n", b"\r\n"), BOUNCED),
        (returned("delayed", "4.4.1\n\nAction: failed\nStatus: 5.1.1"), BOUNCED),  # the worst
    ],
)
def test_a_report_says_which_mail_it_is_about_and_what_became_of_it(
    raw: bytes, kind: ReportKind
) -> None:
    report = read_returned(raw)
    assert (report.kind, report.token) == (kind, TOKEN)
    assert (report.came_back is MailFate.BOUNCED) is (kind is BOUNCED)


def test_a_report_says_why_and_whether_the_address_takes_other_mail() -> None:
    assert read_returned(returned()).reason == "550 5.1.1 <ada@example.com>: no such user"
    assert read_returned(returned(said="smtp")).reason == "5.1.1"
    for status, fate in (("5.7.1", "refused"), ("5.3.4", "refused"), ("5.2.1", "bounced")):
        assert read_returned(returned(status=status)).came_back == fate
    long = read_returned(returned(said="smtp; 550 " + "no\x07 " * 9000)).reason
    assert len(long) <= 300
    assert long.isprintable()


def body(**fields: Any) -> bytes:
    return dumps(fields).encode()


@pytest.mark.parametrize(
    ("sent", "report"),
    [
        (
            body(type="mail.bounced", message_id=OURS, reason="x", at="2026-11-29T10:00:00Z"),
            BOUNCED,
        ),
        (body(type="mail.bounced", message_id=OURS[1:-1], permanent=False), DELAYED),
        (body(type="mail.delayed", message_id=OURS), DELAYED),
        (body(type="mail.delivered", message_id=OURS, unknown=1), DELIVERED),
        (body(type="mail.complained", message_id=OURS), ReportKind.COMPLAINED),
        (body(type="mail.returned", raw=b64encode(returned()).decode()), BOUNCED),
    ],
)
def test_a_provider_tells_it_as_an_event(sent: bytes, report: ReportKind) -> None:
    assert read_report(sent)[:2] == (report, TOKEN)


NESTED = b"".join(
    b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(400)
)
MESSAGES = b"Content-Type:\n message/rfc822\n\n" * 900


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "no delivery report"),
        (b"Subject: Out of office\n\nI'm away.\n", "no delivery report"),
        (returned(message=NOTHING), "which e-mail of ours"),
        (returned(message=NOTHING, top="In-Reply-To: <someone@else.example>\n"), "which e-mail"),
        (returned("whatever", "unknown"), "no action and no status"),
        (b"x" * (LARGEST_MESSAGE + 1), "bytes"),
        (NESTED, "too many parts"),
        (MESSAGES, "too many parts"),
        (returned(top="Content-Type: message/rfc822\n" * 30), "too many parts"),
    ],
)
def test_what_is_no_report_on_a_mail_of_ours_is_a_dead_letter(raw: bytes, why: str) -> None:
    with pytest.raises(UnreadableReportError, match=why):
        read_returned(raw)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"[]",
        body(type="job.assigned"),
        body(type="mail.bounced"),
        body(type="mail.bounced", message_id="<ada@example.com>"),
        body(type="mail.returned", raw="secret=ada@example.com"),
        body(type="mail.returned", raw=7),
    ],
)
def test_what_a_stranger_made_of_it_is_a_dead_letter_that_repeats_nothing(sent: bytes) -> None:
    with pytest.raises(UnreadableReportError) as refused:
        read_report(sent)
    assert "ada@example.com" not in str(refused.value)


pieces = st.sampled_from(
    [
        *returned().splitlines(keepends=True),
        b"Content-Type: multipart/report; boundary=\n",
        b"Content-Type: multipart/digest; boundary=b\n",
        b"Content-Type: text/plain; charset=no-such\n",
        b"Content-Type: ;;=\xff\n",
        b"Content-Transfer-Encoding: base64\n",
        b"Content-Transfer-Encoding: uuencode\n",
        b"=?utf-8?b?//?=: =?x?q?=ff?=\n",
        b"Status: \xe9.1.1\n",
        b"Action\n",
        b"\n",
        b"\r",
        b"--b\n",
        b"--b--\n",
        b"\x00" * 40,
    ]
)


def read_or_refused(raw: bytes) -> MailReport | None:
    """What a message says; None if it is refused, and nothing else may happen."""
    try:
        return read_returned(raw)
    except UnreadableReportError:
        return None


@settings(max_examples=300)
@given(st.one_of(st.binary(max_size=400), st.lists(pieces, max_size=40).map(b"".join)))
def test_garbage_is_read_or_refused_and_nothing_else(raw: bytes) -> None:
    report = read_or_refused(raw)
    assert report is None or len(report.token) == 32


@given(st.integers(0, 400), st.sampled_from([b"", b"\xff", b"\n\n", b"--b--\n", b":"]))
def test_a_report_that_was_cut_or_damaged_is_read_or_refused(at: int, damage: bytes) -> None:
    whole = returned()
    at = at * len(whole) // 400
    for raw in (whole[:at] + damage, whole[:at] + damage + whole[at:]):
        report = read_or_refused(raw)
        assert report is None or report.token == TOKEN
