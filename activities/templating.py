"""Mails from templates: sandboxed, strict, each as text and as HTML of the same words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from jinja2 import FunctionLoader, StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from domain.jobs import Job
from store.mail_queue import RenderedMail

_TEMPLATES = files("activities") / "templates"


class MailTemplateError(ValueError):
    """A mail that cannot be rendered: no such template, or something missing in it."""


def _source(name: str) -> str | None:
    template = _TEMPLATES / name
    return template.read_text("utf-8") if template.is_file() else None


@cache
def _environment(*, html: bool) -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(
        loader=FunctionLoader(_source),
        undefined=StrictUndefined,
        autoescape=html,
        trim_blocks=True,
        keep_trailing_newline=True,
    )


def template_names() -> list[str]:
    """Return the names of all mail templates."""
    return sorted(
        entry.name.removesuffix(".txt")
        for entry in _TEMPLATES.iterdir()
        if entry.name.endswith(".txt")
    )


def render(template: str, to: str, job: Job | None, context: Mapping[str, str]) -> RenderedMail:
    """Return the mail that a template makes of a job, or of its context alone.

    Raises:
        MailTemplateError: there is no such template, or it asks for what is not there.
    """
    try:
        module = (
            _environment(html=False)
            .get_template(f"{template}.txt")
            .make_module(dict(context) if job is None else {"job": job, **context})
        )
        subject = re.sub(r"\s+", " ", str(module.__dict__["subject"])).strip()
        text = str(module).strip() + "\n"
        html = (
            _environment(html=True)
            .get_template("_page.html")
            .render(subject=subject, paragraphs=_paragraphs(text))
        )
    except (TemplateError, KeyError) as error:
        raise MailTemplateError(f"mail template {template}: {error}") from error
    return RenderedMail(to=to, subject=subject, text=text, html=html)


def _paragraphs(text: str) -> list[list[str]]:
    return [paragraph.splitlines() for paragraph in re.split(r"\n\s*\n", text.strip())]
