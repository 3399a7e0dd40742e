"""Whose fault it is that a mail is not taken, at every stage: the right things follow from it."""

from __future__ import annotations

import asyncio
import re
from email import message_from_bytes
from email.policy import default

import pytest

from activities import postman
from activities.postman import NotTakenError, SmtpPostman, UncertainError
from activities.smtp_replies import Stage, Verdict, verdict
from activities.smtp_url import SmtpUrlError
from store.mail_queue import MailFault
from tests.loop_clock import time_passes
from tests.server.smtp_script import HANGS_UP, SILENCE, Script, scripted
from tests.server.test_mail import MAIL, SENDER
from tests.store.rows import NOW

WAITS_FOR_US = Verdict(MailFault.OURS, for_good=False, is_certain=True)
PERHAPS_OURS = Verdict(MailFault.OURS, for_good=False, is_certain=False)
BOUNCES = Verdict(MailFault.RECIPIENT, for_good=True, is_certain=False)
LATER = Verdict(MailFault.RECIPIENT, for_good=False, is_certain=False)
NOT_WANTED = Verdict(MailFault.MESSAGE, for_good=True, is_certain=False)
NOT_NOW = Verdict(MailFault.MESSAGE, for_good=False, is_certain=False)
BOTH = "ada@example.com; ben@example.com"


async def brought(script: Script, *, user: str = "", **changes: object) -> None:
    """Bring a mail; where the server falls silent, wait as long as it is given."""
    url = script.url.replace("smtp://", f"smtp://{user}")
    mail = MAIL.model_copy(update=changes)
    bringing = asyncio.create_task(SmtpPostman(url, SENDER).bring(mail, NOW))
    silence = asyncio.create_task(script.falls_silent.wait())
    await asyncio.wait({bringing, silence}, return_when=asyncio.FIRST_COMPLETED)
    if silence.done():
        time_passes(postman._TO_HAND_OVER)
    silence.cancel()
    await bringing


async def refusal(script: Script, *, user: str = "", **changes: object) -> NotTakenError:
    with pytest.raises(NotTakenError) as refused:
        await brought(script, user=user, **changes)
    assert script.taken == []
    return refused.value


# --- the whole conversation -----------------------------------------------------------------------

BEFORE_THE_RECIPIENT = [
    ("CONNECT", "554 5.3.2 no service here"),
    ("CONNECT", "421 4.3.2 too busy"),
    ("CONNECT", "550 5.7.1 your address is on a list"),
    ("CONNECT", "nonsense"),
    ("CONNECT", SILENCE),
    ("CONNECT", HANGS_UP),
    ("EHLO", "421 4.7.0 not now"),
    ("EHLO", HANGS_UP),
    ("EHLO", SILENCE),
    ("MAIL", "530 5.7.0 authentication required"),
    ("MAIL", "530 authentication required"),
    ("MAIL", "550 5.7.1 sender rejected"),
    ("MAIL", "550 5.1.0 sender rejected"),
    ("MAIL", "553 5.1.8 sender has no domain"),
    ("MAIL", "550 sender unknown"),
    ("MAIL", "452 4.3.1 system is full"),
    ("MAIL", "452 quota exceeded"),
    ("MAIL", "552 5.2.2 quota of the sender exceeded"),
    ("MAIL", "421 4.7.0 too many messages"),
    ("MAIL", "451 4.7.1 try again later"),
    ("MAIL", "555 parameters not recognized"),
    ("MAIL", SILENCE),
    ("MAIL", HANGS_UP),
]
AT_THE_RECIPIENT = [
    ("550 5.1.1 no such mailbox", BOUNCES),
    ("550 no such mailbox", BOUNCES),
    ("551 not here", BOUNCES),
    ("553 5.1.3 bad address syntax", BOUNCES),
    ("501 5.1.3 bad address syntax", BOUNCES),
    ("550 5.1.10 domain takes no mail", BOUNCES),
    ("550 5.2.1 mailbox disabled", BOUNCES),
    ("552 5.2.2 mailbox full", BOUNCES),
    ("552 mailbox full", BOUNCES),
    ("550 5.4.1 access denied", BOUNCES),
    ("556 domain takes no mail", BOUNCES),
    ("450 4.2.1 mailbox busy", LATER),
    ("450 mailbox busy", LATER),
    ("451 4.7.1 greylisted", LATER),
    ("452 4.2.2 mailbox full", LATER),
    ("553 5.1.8 sender has no domain", WAITS_FOR_US),
    ("550 5.1.7 bad address of the sender", WAITS_FOR_US),
    ("530 5.7.0 authentication required", WAITS_FOR_US),
    ("530 5.7.1 authentication required", WAITS_FOR_US),
    ("554 relay access denied", WAITS_FOR_US),
    ("554 5.7.1 relay access denied", PERHAPS_OURS),
    ("550 5.7.1 client host blocked", PERHAPS_OURS),
    ("504 5.5.2 need a host name", WAITS_FOR_US),
    ("503 bad sequence", WAITS_FOR_US),
    ("550 5.3.0 mail system fails", WAITS_FOR_US),
    ("421 4.3.0 closing", WAITS_FOR_US),
    ("421 closing", WAITS_FOR_US),
    ("552 5.3.4 message too big", NOT_WANTED),
    (SILENCE, WAITS_FOR_US),
    (HANGS_UP, WAITS_FOR_US),
]
AT_THE_MESSAGE = [
    ("554 5.7.1 looks like spam", NOT_WANTED),
    ("550 5.7.1 content refused", NOT_WANTED),
    ("554 transaction failed", NOT_WANTED),
    ("550 no", NOT_WANTED),
    ("552 5.3.4 message too big", NOT_WANTED),
    ("552 too big", NOT_WANTED),
    ("554 5.6.0 bad content", NOT_WANTED),
    ("451 4.7.1 try again later", NOT_NOW),
    ("550 5.1.1 no such mailbox", BOUNCES),
    ("552 5.2.2 mailbox full", BOUNCES),
    ("452 4.2.2 mailbox full", LATER),
    ("550 5.7.26 sender not authenticated", PERHAPS_OURS),
    ("530 5.7.0 authentication required", WAITS_FOR_US),
    ("554 5.3.0 system fails", WAITS_FOR_US),
    ("554 5.4.6 routing loop", WAITS_FOR_US),
    ("554 5.5.1 no valid recipients", WAITS_FOR_US),
    ("451 local error", WAITS_FOR_US),
    ("452 4.3.1 system is full", WAITS_FOR_US),
    ("421 4.3.2 closing", WAITS_FOR_US),
]


@pytest.mark.parametrize(("verb", "reply"), BEFORE_THE_RECIPIENT)
async def test_what_is_refused_before_anybody_is_named_is_ours_to_mend(
    verb: str, reply: str
) -> None:
    async with scripted(**{verb: reply}) as server:
        error = await refusal(server)
    assert (error.fault, error.for_good, error.waits) == WAITS_FOR_US


@pytest.mark.parametrize(
    ("ehlo", "replies"),
    [
        ("250-relay\r\n250 AUTH PLAIN LOGIN", {"AUTH": "535 5.7.8 who are you?"}),
        ("250-relay\r\n250 AUTH PLAIN LOGIN", {"AUTH": "454 4.7.0 not now"}),
        ("250-relay\r\n250 AUTH SOMETHING", {}),
        ("250 relay", {}),
        ("250-relay\r\n250 STARTTLS", {"STARTTLS": "454 4.7.0 no TLS now"}),
        ("250-relay\r\n250 STARTTLS", {"STARTTLS": "220 no TLS follows"}),
    ],
)
async def test_that_we_do_not_get_in_is_ours_to_mend(ehlo: str, replies: dict[str, str]) -> None:
    async with scripted(EHLO=ehlo, **replies) as server:
        if "STARTTLS" in replies and replies["STARTTLS"].startswith("220"):
            server.replies["MAIL"] = HANGS_UP
        error = await refusal(server, user="steward:hunter2@")
    assert (error.fault, error.for_good, error.waits) == WAITS_FOR_US
    assert "hunter2" not in f"{error} {error.for_logs}"


@pytest.mark.parametrize(("reply", "meaning"), AT_THE_RECIPIENT)
async def test_what_is_refused_at_the_recipient(reply: str, meaning: Verdict) -> None:
    async with scripted(RCPT=reply) as server:
        error = await refusal(server)
    assert (error.fault, error.for_good, error.waits) == meaning


@pytest.mark.parametrize(("reply", "meaning"), AT_THE_MESSAGE)
@pytest.mark.parametrize("verb", ["DATA", "END"])
async def test_what_is_refused_with_the_message(verb: str, reply: str, meaning: Verdict) -> None:
    async with scripted(**{verb: reply}) as server:
        error = await refusal(server)
    assert (error.fault, error.for_good, error.waits) == meaning


@pytest.mark.parametrize("reply", [SILENCE, HANGS_UP, "nonsense"])
async def test_what_breaks_off_with_the_message_leaves_it_uncertain(reply: str) -> None:
    async with scripted(END=reply) as server:
        with pytest.raises(UncertainError):
            await brought(server)


@pytest.mark.parametrize("stage", [Stage.CONNECTING, Stage.SENDER])
@pytest.mark.parametrize("code", range(400, 600))
def test_no_code_before_the_recipient_is_anybody_elses_fault(stage: Stage, code: int) -> None:
    for enhanced in ("", "5.1.1 ", "5.2.2 ", "5.7.1 ", "4.4.1 "):
        assert verdict(stage, code, f"{enhanced}said") == WAITS_FOR_US


@pytest.mark.parametrize("stage", [Stage.RECIPIENT, Stage.MESSAGE])
@pytest.mark.parametrize("code", range(400, 500))
def test_nothing_for_the_moment_is_for_good(stage: Stage, code: int) -> None:
    for subject in range(8):
        assert not verdict(stage, code, f"4.{subject}.1 said").for_good


# --- what is told of it ---------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "END"])
async def test_the_log_is_told_the_stage_and_the_codes_and_people_the_reply(verb: str) -> None:
    async with scripted(**{verb: "550 5.7.1 <ada@example.com>: Ada is not wanted"}) as server:
        error = await refusal(server)
    assert re.fullmatch(r"(MAIL|RCPT|DATA) 550 5\.7\.1", error.for_logs)
    assert str(error) == "550 5.7.1 <ada@example.com>: Ada is not wanted"


# --- several recipients ---------------------------------------------------------------------------


async def test_a_mail_to_two_reaches_both() -> None:
    async with scripted() as server:
        mail = MAIL.model_copy(update={"to": "Ada <ada@example.com>, ben@example.com"})
        assert await SmtpPostman(server.url, SENDER).bring(mail, NOW) is None
    assert server.recipients == [["ada@example.com", "ben@example.com"]]
    message = message_from_bytes(server.taken[0], policy=default)
    assert message["To"] == "Ada <ada@example.com>, ben@example.com"


async def test_of_two_the_one_who_can_be_reached_gets_it_and_the_other_is_named() -> None:
    async with scripted(**{"RCPT ada@example.com": "550 5.1.1 no such mailbox"}) as server:
        mail = MAIL.model_copy(update={"to": BOTH})
        left_out = await SmtpPostman(server.url, SENDER).bring(mail, NOW)
    assert server.recipients == [["ben@example.com"]]
    assert left_out == "ada@example.com: 550 5.1.1 no such mailbox"


async def test_where_one_of_two_may_be_taken_later_nobody_gets_it_twice() -> None:
    async with scripted(**{"RCPT ada@example.com": "450 4.2.1 busy"}) as server:
        error = await refusal(server, to=BOTH)
        assert error.fault is MailFault.RECIPIENT
        assert not error.for_good
        mail = MAIL.model_copy(update={"to": BOTH, "attempts": 5})
        left_out = await SmtpPostman(server.url, SENDER).bring(mail, NOW)
    assert server.recipients == [["ben@example.com"]]
    assert left_out == "ada@example.com: 450 4.2.1 busy"


async def test_where_neither_of_two_is_taken_the_mail_comes_back() -> None:
    async with scripted(RCPT="550 5.1.1 no such mailbox") as server:
        assert (await refusal(server, to=BOTH)).for_good


# --- what every server takes ----------------------------------------------------------------------


async def test_a_mail_has_seven_bits_and_short_lines_whatever_it_says() -> None:
    text = "35 € für Ädá\x00\r and " + "ä" * 3000 + "\n\u2028\ttail\n"
    async with scripted() as server:
        mail = MAIL.model_copy(
            update={"text": text, "html": f"<p>{text}</p>", "subject": "Für Ádá " * 40}
        )
        await SmtpPostman(server.url, SENDER).bring(mail, NOW)
    (content,) = server.taken
    assert content.isascii()
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert b"8bit" not in content
    assert not any("BODY=8BITMIME" in said or "SMTPUTF8" in said for said in server.said)
    assert content.replace(b"\r\n", b"").count(b"\n") == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "Hello\nBcc: eve@example.com"},
        {"subject": "Hello\r\nBcc: eve@example.com"},
        {"to": "ada@example.com\r\nRCPT TO:<eve@example.com>"},
        {"to": "ada@example.com\nBcc: eve@example.com"},
        {"to": "Ada\r\nBcc: eve@example.com <ada@example.com>"},
    ],
)
async def test_nothing_smuggles_a_header_or_a_recipient_in(changes: dict[str, str]) -> None:
    async with scripted() as server:
        error = await refusal(server, **changes)
    assert error.for_good
    assert not any("eve" in said for said in server.said)


# --- the settings ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "smtp://host:99999",
        "smtp://host:0",
        "smtp://[::1",
        "smtp://user@host",
        "smtp://user:pa/ss@host",
        "smtp://user:pa#ss@host",
        "smtp://user:p?s@host",
        "smtp://host/path",
        "smtp://ho st",
    ],
)
def test_a_url_that_makes_no_sense_is_refused_without_telling_its_password(url: str) -> None:
    with pytest.raises(SmtpUrlError, match="an SMTP URL looks like") as refused:
        SmtpPostman(url, SENDER)
    assert "pa" not in re.sub("password|spaces", "", str(refused.value))


@pytest.mark.parametrize("sender", ["", "Steward", "Stéward <stéward@example.com>"])
def test_a_sender_that_not_every_server_takes_is_refused_at_the_start(sender: str) -> None:
    with pytest.raises(SmtpUrlError, match=r"mail\.sender"):
        SmtpPostman("smtp://host", sender)
