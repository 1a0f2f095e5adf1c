"""How one person wants to be reached: contacts in order with delays, by severity, and hours of quiet. Pure."""

from msgspec import Struct

from alert_webhook.oncall.rotation import Window, window_spans
from alert_webhook.oncall.span import united
from alert_webhook.oncall.wall import Zone

LOOK_AHEAD_S = 8 * 86_400.0


class RuleContact(Struct, frozen=True):
    """A contact, used `after_s` seconds after the step that names the person."""

    contact: str
    after_s: float


class Rule(Struct, frozen=True):
    """The contacts for incidents of these severities; no severities: for every one."""

    severities: frozenset[str]
    contacts: tuple[RuleContact, ...]


class Quiet(Struct, frozen=True):
    """Hours in which pages of these severities wait until the hours are over."""

    severities: frozenset[str]
    zone: Zone
    windows: tuple[Window, ...]


def rule_for(rules: tuple[Rule, ...], severity: str) -> Rule | None:
    """Return the first rule for a severity, None where there is none."""
    return next((rule for rule in rules if not rule.severities or severity in rule.severities), None)


def quiet_until(quiet: Quiet | None, severity: str, now: float) -> float:
    """Return from when on a page of this severity may be sent: `now`, or the end of the hours of quiet."""
    return quiet_ends(quiet, now) if quiet is not None and severity in quiet.severities else now


def quiet_ends(quiet: Quiet | None, now: float) -> float:
    """Return `now` outside of somebody's hours of quiet, else their end."""
    if quiet is None:
        return now
    hours = united(window_spans(quiet.windows, quiet.zone, now, now + LOOK_AHEAD_S))
    return next((span.end for span in hours if span.start <= now < span.end), now)
