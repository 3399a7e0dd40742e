"""Every mail says what it has to, to the letter, and nothing that somebody slipped into a field."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser

import pytest
from jinja2 import StrictUndefined, meta
from jinja2.exceptions import SecurityError

from activities.previews import SAMPLES, sample_context
from activities.templating import MailTemplateError, _environment, _source, render, template_names
from domain.jobs import Customer
from tests.domain.factories import a_job

JOB = a_job(customer=Customer(name="Ada Byron", email="ada@example.com", zip="74101"))
CONTEXT = {template: sample_context(template, "Acme Home Warranty") for template in SAMPLES}
OF_NO_JOB = {"spoc_digest"}
"""What is written about several jobs, and asks for them all in its context."""
CHOICES = {"electronic_transfer"}
"""What a template is filled with to choose its words by, and not to say it."""
LEFT_OUT_BEFORE = {"provider_information": {"call_us_after": "2 days"}}
"""What a template has words of its own for, as mails of older histories do not bring it."""

NASTY = '<script>alert("&")</script> {{ 7 * 7 }} {% raw %}'


class Words(HTMLParser):
    """The words of a page, and the names of its tags."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.words: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.words += data.split()


def test_every_template_has_a_sample() -> None:
    assert template_names() == sorted(CONTEXT)


@pytest.mark.parametrize("template", CONTEXT)
def test_a_mail_has_subject_text_and_html_of_the_same_words(template: str) -> None:
    mail = render(template, "to@example.com", JOB, CONTEXT[template])
    assert mail.to == "to@example.com"
    assert template in OF_NO_JOB or JOB.job_id in mail.subject
    assert "\n" not in mail.subject
    assert re.search(r"[{}<>]|None", mail.subject + mail.text) is None
    for name, said in CONTEXT[template].items():
        assert name in CHOICES or said in mail.text
    page = Words(mail.html)
    assert page.words == (mail.subject + " " + mail.text).split()


@pytest.mark.parametrize("template", CONTEXT)
def test_a_job_of_which_little_is_known_can_be_written_about(template: str) -> None:
    mail = render(template, "to@example.com", a_job(customer=None), CONTEXT[template])
    assert "None" not in mail.text


@pytest.mark.parametrize(
    ("template", "missing"),
    [(template, name) for template, context in CONTEXT.items() for name in context],
)
def test_what_a_template_asks_for_has_to_be_there(template: str, missing: str) -> None:
    context = {name: said for name, said in CONTEXT[template].items() if name != missing}
    with pytest.raises(MailTemplateError, match=f"{template}.*'{missing}' is undefined"):
        render(template, "to@example.com", JOB, context)


@pytest.mark.parametrize("template", CONTEXT)
def test_a_template_asks_for_nothing_else(template: str) -> None:
    source = _source(f"{template}.txt")
    assert source is not None
    asked = meta.find_undeclared_variables(_environment(html=False).parse(source))
    of_the_job = set() if template in OF_NO_JOB else {"job"}
    assert asked == {*of_the_job, *CONTEXT[template], *LEFT_OUT_BEFORE.get(template, {})}


@pytest.mark.parametrize("template", LEFT_OUT_BEFORE)
def test_what_older_mails_do_not_bring_is_said_where_it_is_brought(template: str) -> None:
    brought = LEFT_OUT_BEFORE[template]
    assert all(
        said not in render(template, "x@y.z", JOB, CONTEXT[template]).text
        for said in brought.values()
    )
    text = render(template, "x@y.z", JOB, {**CONTEXT[template], **brought}).text
    assert all(said in text for said in brought.values())


def test_a_template_that_is_not_there_is_an_error() -> None:
    for name in ("nothing", "", "../effects", "_page"):
        with pytest.raises(MailTemplateError, match=f"mail template {name}"):
            render(name, "to@example.com", JOB, {})


@pytest.mark.parametrize("template", CONTEXT)
def test_what_is_filled_in_is_escaped_in_html_and_plain_in_text(template: str) -> None:
    job = a_job(item={"name": NASTY}, assigned_to={"name": NASTY})
    context = dict.fromkeys(CONTEXT[template], NASTY)
    mail = render(template, "to@example.com", job, context)
    assert NASTY in mail.text
    assert "<script>" not in mail.html
    assert NASTY in unescape(mail.html)
    assert "script" not in Words(mail.html).tags


def test_a_line_break_in_a_field_does_not_break_the_subject() -> None:
    nasty = {"provider": "Tulsa", "text": "first\n\nBcc: eve@example.com\r\n\r\nsecond"}
    mail = render("public_note", "to@example.com", JOB, nasty)
    assert "\n" not in mail.subject
    assert "eve" not in mail.subject


def test_a_template_cannot_reach_what_it_was_not_given() -> None:
    environment = _environment(html=False)
    assert environment.undefined is StrictUndefined
    for attack in ("{{ job.__class__.__mro__ }}", "{{ ''.__class__.__subclasses__() }}"):
        with pytest.raises(SecurityError):
            environment.from_string(attack).render(job=JOB)
