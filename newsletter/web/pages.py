"""Pages: the templates under templates/pages with the filters they use."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import jinja2
from markupsafe import Markup

from newsletter.domain.people import Right
from newsletter.web.auth import CSRF_FIELD, Visitor

STATIC_DIR = Path(__file__).parent / "static"
_PACKAGE = Path(__file__).resolve().parents[1]

# What a page says after a form has done its work, by the word in its address.
DONE: Final[dict[str, str]] = {
    "signed-out": "You are signed out.",
    "session-over": "Your session was over. Nothing was done: sign in, then do it again.",
    "password-set": "Your password is set.",
    "brief-saved": "The brief is saved as a draft.",
    "brief-unchanged": "Nothing was different, so nothing was changed.",
    "brief-submitted": "The brief is up for approval.",
    "brief-approved": "Approved. Exactly these bytes are what will be sent.",
    "changes-requested": "The brief went back to its author with your note.",
    "issue-created": "The issue is ready.",
    "issue-scheduled": "The issue is scheduled. It goes out by itself.",
    "issue-sending": "Sending has begun.",
    "issue-paused": "Paused. What a worker holds is finished within seconds; nothing more is taken up.",
    "issue-resumed": "Sending goes on.",
    "issue-cancelled": "Cancelled. Nothing more goes out.",
    "issue-retrying": "The failed deliveries are being sent again.",
    "issue-resolved": "The doubtful deliveries are decided.",
    "list-created": "The list is there. Import its subscribers next.",
    "subscriber-added": "The subscriber is on the list.",
    "subscriber-disabled": "This person gets no mail any more.",
    "subscriber-enabled": "This person can get mail again.",
    "subscriber-erased": "The person was erased. A keyed hash keeps the address from coming back by an import.",
    "suppression-added": "The address will not be mailed any more.",
    "suppression-known": "The address was suppressed already.",
    "suppression-lifted": "The address may be mailed again.",
    "freeze-real": "Those who waited are suppressed.",
    "freeze-outage": "Nobody is suppressed; it counts as one soft bounce.",
    "alert-closed": "The alert is closed. The same cause opens a new one when it comes back.",
    "user-changed": "The user was changed.",
    "newsletter-saved": "The newsletter is saved.",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class NavItem:
    """One link of the console's navigation."""

    group: str
    label: str
    href: str
    right: Right


NAVIGATION = (
    NavItem(group="", label="Dashboard", href="/admin", right=Right.READ),
    NavItem(group="Publish", label="Briefs", href="/admin/briefs", right=Right.READ),
    NavItem(group="Publish", label="Issues", href="/admin/issues", right=Right.READ),
    NavItem(group="Publish", label="Statistics", href="/admin/statistics", right=Right.READ),
    NavItem(group="Publish", label="Alerts", href="/admin/alerts", right=Right.READ),
    NavItem(group="Publish", label="Outbox", href="/admin/outbox", right=Right.READ),
    NavItem(group="Audience", label="Lists", href="/admin/lists", right=Right.READ),
    NavItem(group="Audience", label="Subscribers", href="/admin/subscribers", right=Right.READ),
    NavItem(group="Audience", label="Suppressions", href="/admin/suppressions", right=Right.READ),
    NavItem(group="Settings", label="Newsletters", href="/admin/newsletters", right=Right.READ),
    NavItem(group="Settings", label="Users", href="/admin/users", right=Right.MANAGE_USERS),
    NavItem(group="Settings", label="Audit log", href="/admin/audit", right=Right.READ),
)

# Which colour a status has: what is good, what waits, what needs a person.
TONES: Final[dict[str, str]] = {
    "draft": "quiet",
    "in_review": "wait",
    "changes_requested": "warn",
    "approved": "good",
    "scheduled": "wait",
    "sending": "live",
    "paused": "warn",
    "sent": "good",
    "incomplete": "bad",
    "cancelled": "quiet",
    "confirmed": "good",
    "unconfirmed": "wait",
    "unsubscribed": "quiet",
    "enabled": "good",
    "disabled": "quiet",
    "accepted": "good",
    "failed": "bad",
    "suppressed": "quiet",
    "unknown": "warn",
    "pending": "wait",
    "claimed": "live",
    "blocker": "bad",
    "warning": "warn",
    "note": "quiet",
}


class Pages:
    """The templates of pages, every value escaped."""

    def __init__(self) -> None:
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_templates_dir()),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.filters.update(
            {
                "clock": clock,
                "day": day,
                "count": count,
                "spoken": spoken,
                "duration": duration,
                "plural": plural,
                "sentence": sentence,
                "options": options,
            }
        )
        self._environment.globals.update(
            {"asset": _assets(), "tones": TONES, "done_words": DONE, "csrf_field": CSRF_FIELD, "Right": Right}
        )

    def render(self, template: str, *, visitor: Visitor | None, path: str, provider: str, **context: object) -> str:
        """One page as HTML."""
        items = list(_nav_for(visitor, provider=provider))
        return self._environment.get_template(template).render(
            context | {"visitor": visitor, "path": path, "provider": provider, "navigation": items}
        )


@cache
def own_pages() -> Pages:
    """The pages that come with the product, compiled once per process."""
    return Pages()


def clock(moment: datetime | None, zone: str = "UTC") -> Markup:
    """A moment on the clock of a time zone, which it names; a dash for none."""
    if moment is None:
        return Markup('<span class="none">—</span>')
    local = moment.astimezone(ZoneInfo(zone))
    name = local.tzname() or zone
    shown = f"{local.day} {local:%b %Y, %H:%M} {'UTC' + name if name[0] in '+-' else name}"
    return Markup('<time datetime="{}" title="{:%H:%M:%S} {}">{}</time>').format(local.isoformat(), local, zone, shown)


def day(value: date | str) -> str:
    """A date in full: Monday, 22 June 2026."""
    found = date.fromisoformat(value) if isinstance(value, str) else value
    return f"{found:%A}, {found.day} {found:%B %Y}"


def count(number: int | None) -> str:
    """A number with its thousands apart (thin space, as SI has it)."""
    return "—" if number is None else f"{number:,}".replace(",", "\u202f")


def spoken(word: str) -> str:
    """A word of the database as people say it: in_review → in review."""
    return word.replace("_", " ")


def plural(number: int, one: str, many: str = "") -> str:
    """A number with its noun: 1 story, 10 stories."""
    return f"{count(number)}\u00a0{one if number == 1 else many or one + 's'}"


def sentence(words: object) -> str:
    """An error's words with a capital at the beginning and a full stop at the end."""
    text = str(words)
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def options(rows: Iterable[Any], value: str, text: str) -> list[tuple[str, str]]:
    """Value and text of each row, for a list to choose from."""
    return [(getattr(row, value), getattr(row, text)) for row in rows]


def duration(seconds: float) -> str:
    """A length of time in its two largest units."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _nav_for(visitor: Visitor | None, *, provider: str) -> Iterator[NavItem]:
    for item in NAVIGATION:
        is_there = item.label != "Outbox" or provider == "outbox"
        if visitor is not None and is_there and visitor.may(item.right):
            yield item


def _templates_dir() -> Path:
    """Inside the package once installed, beside it in a checkout."""
    inside = _PACKAGE / "templates" / "pages"
    return inside if inside.is_dir() else _PACKAGE.parent / "templates" / "pages"


def _assets() -> dict[str, str]:
    """Address of each static file by its name; it changes with the content, so that browsers may keep it."""
    return {
        path.name: f"/static/{path.name}?v={hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"
        for path in STATIC_DIR.iterdir()
        if path.is_file()
    }
