"""Who would be paged for an alert at a time, when and why, if nobody answered: the real steps, carried out on paper."""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from alert_webhook.config import Config
from alert_webhook.escalation import held
from alert_webhook.escalation.held import Hold
from alert_webhook.escalation.policy import Policy
from alert_webhook.escalation.step import Page, step, takes_a_turn
from alert_webhook.escalation.telling import step_event
from alert_webhook.incidents.incident import Incident, begin_escalation
from alert_webhook.incidents.rules import rules_for
from alert_webhook.incidents.suppression import Covers
from alert_webhook.incidents.title import title
from alert_webhook.incidents.urgency import Severity, Urgency
from alert_webhook.oncall.schedule import Schedule

MAX_EVENTS = 500
NO_CODES: Mapping[int, str] = {}


class Foreseen(Struct, frozen=True):
    """One thing that would happen at a Unix time: what the timeline would say, and the pages (none: nobody)."""

    at: float
    kind: str
    text: str
    pages: tuple[Page, ...]


class Forecast(Struct, frozen=True, kw_only=True):
    """What an alert with these labels would lead to, and why.

    `held` says why its pages are kept back all the same (none: they are not), `notes` what people should know besides.
    """

    integration: str
    severity: Severity
    severity_why: str
    policy: str
    policy_why: str
    steps: tuple[Foreseen, ...]
    held: tuple[Hold, ...] = ()
    notes: tuple[Hold, ...] = ()


def forecast(
    config: Config,
    integration: str,
    labels: Mapping[str, str],
    at: float,
    *,
    schedules: Mapping[str, Schedule],
    turns: Mapping[tuple[str, int], int],
    covers: Covers | None = None,
    codes: Mapping[int, str] = NO_CODES,
) -> Forecast:
    """Return what an alert with these labels that reaches `integration` at `at` leads to while nobody answers.

    `turns` are those taken so far in steps that go round, by policy and step; `covers` is what suppresses alerts (None:
    what the file says), `codes` those of the incidents in it.
    """
    rules = rules_for(config, integration, config.integrations[integration])
    severity = rules.severities.of(labels)
    policy = rules.policy_for(labels)
    begun = begin_escalation(_incident(integration, labels, severity, at), severity, policy, at)
    nobody = Forecast(
        integration=integration,
        severity=severity,
        severity_why=_severity_why(config, labels),
        policy="",
        policy_why="",
        steps=(),
    )
    if begun.urgency is not Urgency.PAGE:
        return nobody
    covers = covers or held.covers_of_file(config, at)
    steps = _played(begun, policy, config, schedules, dict(turns))
    quiet = held.quiet_notes({each.at: each.pages for each in steps}, config.persons(), severity.name)
    return replace(
        nobody,
        policy=policy.name,
        policy_why=_policy_why(config, labels, integration),
        steps=steps,
        held=held.holds(covers, begun, at, codes=codes),
        notes=(*held.notes(covers, begun, config.suppression.parents), *quiet),
    )


def _played(
    incident: Incident,
    policy: Policy,
    config: Config,
    schedules: Mapping[str, Schedule],
    turns: dict[tuple[str, int], int],
) -> tuple[Foreseen, ...]:
    people, every_contact = config.persons(), config.ranked().named(incident.severity).every_contact
    found: list[Foreseen] = []
    while incident.due_at is not None and len(found) < MAX_EVENTS:
        now, place = incident.due_at, (policy.name, incident.next_step)
        turn = turns.get(place, 0)
        if takes_a_turn(incident, policy, now):
            turns[place] = turn + 1
        after, pages = step(incident, policy, people, now, every_contact=every_contact, schedules=schedules, turn=turn)
        event = step_event(incident, after, pages, now, schedules=schedules)
        found.append(Foreseen(now, event.kind.value, event.text, pages))
        incident = after
    return tuple(found)


def _incident(integration: str, labels: Mapping[str, str], severity: Severity, at: float) -> Incident:
    return Incident(
        id=0,
        code="",
        integration=integration,
        group="",
        title=title([labels]),
        labels=labels,
        source_url="",
        severity=severity.name,
        rank=severity.rank,
        urgency=severity.urgency,
        started_at=at,
        updated_at=at,
    )


def _severity_why(config: Config, labels: Mapping[str, str]) -> str:
    given = labels.get("severity", "")
    if config.ranked().listed(given):
        return "the label severity"
    return (
        f"default_severity: {given!r} is not in severities" if given else "default_severity: there is no label severity"
    )


def _policy_why(config: Config, labels: Mapping[str, str], integration: str) -> str:
    for number, route in enumerate(config.routes):
        if all(labels.get(name) == value for name, value in route.match.items()):
            match = ", ".join(f"{name}={value}" for name, value in sorted(route.match.items()))
            return f"routes[{number}], {match}"
    return f"the policy of integration {integration}"
