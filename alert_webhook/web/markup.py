"""Puts incidents into HTML: templates with every value escaped, one style sheet inside the page. Pure."""

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from msgspec import Struct

from alert_webhook.web.shown import Bounds, IncidentShown, Offer, Reader, Told, incident_shown, moment

MAX_ACK_BYTES = 15_000  # loads within seconds over a weak mobile network
# tried in this order until the page is small enough; the last fits whatever the alerts say
ACK_BOUNDS = (
    Bounds(alerts=8, events=8, folded=6, characters=300),
    Bounds(alerts=5, events=5, folded=4, characters=160),
    Bounds(alerts=2, events=3, folded=2, characters=100),
    Bounds(alerts=1, events=0, folded=0, characters=60),
)
DETAIL_BOUNDS = Bounds(alerts=20, events=500, folded=20, characters=1000)
LIST_BOUNDS = Bounds(alerts=0, events=0, folded=0, characters=160)


class Section(Struct, frozen=True, kw_only=True):
    """A part of the incident list; `older` is the id to go on from, 0 at the end."""

    title: str
    state: str
    incidents: tuple[IncidentShown, ...]
    older: int = 0


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("alert_webhook.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def style() -> str:
    """Return the style sheet."""
    return files("alert_webhook.web").joinpath("templates/style.css").read_text().replace("\n", "")


def content_security_policy() -> str:
    """Return what the pages may load and do: their own style, forms to ourselves, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(style().encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def ack_page(
    told: Told, *, offer: Offer, person: str, reader: Reader, said: str = "", chart: Markup | None = None
) -> str:
    """Return the page of an ack link, smaller than MAX_ACK_BYTES."""
    page = ""
    for bounds in ACK_BOUNDS:
        incident = incident_shown(told, reader, bounds)
        page = _render(
            "ack.html",
            incident=incident,
            offer=offer,
            person=person,
            said=said,
            now=moment(reader.now, reader),
            chart=chart if bounds is not ACK_BOUNDS[-1] else None,
        )
        if len(page.encode()) < MAX_ACK_BYTES:
            break
    return page


def notice_page(title: str, text: str) -> str:
    """Return a page that says one thing."""
    return _render("notice.html", title=title, text=text)


def login_page(*, key: str, user: str = "", said: str = "") -> str:
    """Return the page to sign in."""
    return _render("login.html", key=key, user=user, said=said)


def list_page(
    sections: Sequence[Section],
    *,
    filters: Sequence[tuple[str, str]],
    state: str,
    user: str,
    logout_key: str,
    on_call: Sequence[str] = (),
) -> str:
    """Return the list of incidents; `filters` are (value of `state`, words), `on_call` says who is, in sentences."""
    return _render(
        "incidents.html",
        sections=sections,
        filters=filters,
        state=state,
        user=user,
        logout_key=logout_key,
        on_call=on_call,
    )


def detail_page(
    told: Told, *, offer: Offer | None, user: str, reader: Reader, said: str = "", chart: Markup | None = None
) -> str:
    """Return the page of one incident; `offer` is None for users who may only look."""
    incident = incident_shown(told, reader, DETAIL_BOUNDS)
    return _render(
        "incident.html",
        incident=incident,
        offer=offer,
        user=user,
        said=said,
        now=moment(reader.now, reader),
        chart=chart,
    )


def _render(template: str, **values: object) -> str:
    return _templates().get_template(template).render(values, style=style())
