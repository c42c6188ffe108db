"""The words and the looks of every mail. A kind has one file in `content`, which both layouts (text, HTML) are made of.

A file defines the blocks `subject`, `summary` (one sentence, also the notification's text), `title` and `body`; the parts that
a body is put together from (`paragraph`, `button`, ...) come in text and in HTML from `parts.txt` and `parts.html`.
"""

import re
import textwrap
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias, get_args

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from application.effects import AccountKind, Kind
from infrastructure.mail.display_text import one_line, some_lines, visible_line

AnyKind: TypeAlias = Kind | AccountKind

_ABOUT_APPLICATION: Final = ("name", "job_title", "company_name", "url", "unsubscribe_url")

KEYS: Final[dict[str, tuple[str, ...]]] = {
    "application_received": _ABOUT_APPLICATION,
    "application_moved": _ABOUT_APPLICATION,
    "qualified": _ABOUT_APPLICATION,
    "stage_changed": (*_ABOUT_APPLICATION, "stage"),
    "application_rejected": (*_ABOUT_APPLICATION, "reason"),
    "application_reinstated": (*_ABOUT_APPLICATION, "stage"),
    "new_application": (*_ABOUT_APPLICATION, "candidate_name"),
    "application_withdrawn": (*_ABOUT_APPLICATION, "candidate_name"),
    "welcome": ("name", "url"),
    "invitation": ("company", "role", "code", "inviter", "url"),
    "password_reset": ("name", "code", "url"),
    "password_changed": ("name", "url"),
    "email_confirmation": ("name", "code", "url"),
    "email_changed": ("name", "new_email"),
    "sessions_ended": ("name", "url"),
    "already_registered": ("name", "url"),
}
"""What each kind's context holds. `name` is the recipient's, `url` where the button leads; `unsubscribe_url` and `reason` may be
empty, and are then not shown; `stage` is one word of the pipeline, `role` in words, `code` the one-use code."""

SUBJECT_LENGTH: Final = 150

_FOLDER: Final = Path(__file__).parent / "content"
_LENGTHS: Final = {"reason": 5_000, "new_email": 254, "job_title": 200, "code": 200}
_NAME_LENGTH: Final = 100
_ADDRESS: Final = re.compile(r"https?://[A-Za-z0-9._~:/?#@!$&()*+,;=%\[\]-]{1,2000}")
_TEXT_WIDTH: Final = 76


class Content(msgspec.Struct, frozen=True):
    """A mail's content. The subject is one line of at most `SUBJECT_LENGTH` characters. `unsubscribe_url` takes the one-click
    request of RFC 8058; None for a kind that cannot be switched off."""

    subject: str
    text: str
    html: str
    unsubscribe_url: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The headers that go with it, beyond sender, recipient and subject."""
        if self.unsubscribe_url is None:
            return {}
        return {
            "List-Unsubscribe": f"<{self.unsubscribe_url}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }


def render(kind: AnyKind, context: dict[str, str]) -> Content:
    """The content of a mail. Whatever people put into a name or a text, it stays text, and the subject stays a line.

    Raises `ValueError` when the context does not hold exactly `KEYS[kind]`, or an address in it is none.
    """
    safe = _safe(kind, context)
    plain = _template("txt", kind)
    return Content(
        subject=_subject(plain, safe),
        text=plain.render(safe).strip() + "\n",
        html=_template("html", kind).render(safe),
        unsubscribe_url=safe.get("unsubscribe_url") or None,
    )


def summary(kind: Kind, context: dict[str, str]) -> str:
    """One sentence that says what happened, for a notification. Takes the same context as `render`."""
    return one_line(_block(_template("txt", kind), "summary", _safe(kind, context)), 1_000)


def _subject(template: Template, context: dict[str, str]) -> str:
    return one_line(_block(template, "subject", context), SUBJECT_LENGTH)


def _block(template: Template, name: str, context: dict[str, str]) -> str:
    return "".join(template.blocks[name](template.new_context(dict[str, Any](context))))


def _safe(kind: AnyKind, context: dict[str, str]) -> dict[str, str]:
    if set(context) != set(KEYS[kind]):
        raise ValueError(f"a {kind} takes {sorted(KEYS[kind])}, not {sorted(context)}")
    return {key: _safe_value(key, value) for key, value in context.items()}


def _safe_value(key: str, value: str) -> str:
    if key.endswith("url"):
        if value and not _ADDRESS.fullmatch(value):
            raise ValueError(f"{key} is not an address")
        return value
    limit = _LENGTHS.get(key, _NAME_LENGTH)
    match key:
        case "reason":
            return some_lines(value, limit)
        # To be compared letter by letter; a program makes a link to the address of it.
        case "new_email" if "/" not in value:
            return visible_line(value, limit)
        case _:
            return one_line(value, limit)


@cache
def _template(form: str, kind: AnyKind) -> Template:
    return _environment(form).get_template(f"{kind}.jinja")


@cache
def _environment(form: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=form == "html",  # noqa: S701 - in plain text there is nothing to escape
        undefined=StrictUndefined,
        trim_blocks=True,
        auto_reload=False,
        cache_size=len(get_args(Kind)) + len(get_args(AccountKind)) + 8,
    )
    made_of: dict[str, Any] = {"layout": f"layout.{form}", "parts": f"parts.{form}"}
    environment.globals.update(made_of)
    environment.filters["lines"] = _lines
    return environment


def _lines(text: str, prefix: str = "") -> str:
    return textwrap.fill(
        " ".join(text.split()),
        _TEXT_WIDTH,
        initial_indent=prefix,
        subsequent_indent=prefix,
        break_long_words=False,
        break_on_hyphens=False,
    )
