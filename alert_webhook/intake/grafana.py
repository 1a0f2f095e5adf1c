"""Grafana's webhook body (9 to 13): Alertmanager's with another version, and more about each alert.

What Grafana adds for people becomes annotations, where the alert has none of that name.
"""

from collections.abc import Iterator

import msgspec
from msgspec import Raw, Struct, field
from msgspec.structs import asdict, replace

from alert_webhook.intake.alertmanager import envelope_of, pieces
from alert_webhook.intake.single import BadAlertError, Cleaner, update_of
from alert_webhook.intake.update import AlertUpdate, Delivery

VERSION = "1"


class Extra(Struct, rename="camel"):
    """What Grafana says of an alert besides what Alertmanager does; the names here are those of the annotations."""

    value_string: str | None = ""
    silence_url: str | None = field(default="", name="silenceURL")
    dashboard_url: str | None = field(default="", name="dashboardURL")
    panel_url: str | None = field(default="", name="panelURL")
    image_url: str | None = field(default="", name="imageURL")


_EXTRA = msgspec.json.Decoder(Extra)


def decode(body: bytes) -> Iterator[Delivery]:
    """Return the body's alerts in pieces, at least one; `BadBodyError` when it is no Grafana body as a whole."""
    return pieces(envelope_of(body, VERSION, "a Grafana body"), body, read=_read)


def _read(raw: Raw, cleaned: Cleaner) -> AlertUpdate:
    update = update_of(raw, cleaned)
    try:
        extra = _EXTRA.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as exc:
        raise BadAlertError("malformed", str(exc)) from exc
    more = cleaned({name: text for name, text in asdict(extra).items() if text})
    return replace(update, annotations={**more, **update.annotations})
