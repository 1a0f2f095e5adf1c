"""Shadow mode: everything runs, nobody is contacted, and a report says who would have been."""

import json
from datetime import UTC, date, datetime
from typing import Literal

import pytest
from msgspec.structs import replace

from alert_webhook.config import Integration
from alert_webhook.delivery.channel import Decision, Message, Permanent, Reason
from alert_webhook.delivery.gate import LiveGate
from alert_webhook.delivery.outbox import Outbox
from alert_webhook.delivery.render import mail
from alert_webhook.delivery.throttle import throttled
from alert_webhook.incidents.actions import acknowledge
from alert_webhook.incidents.blocks import DigestBlock, SuppressionBlock
from alert_webhook.incidents.transitions import OPEN
from alert_webhook.oncall.wall import TimeOfDay, Zone
from alert_webhook.shadow.blocks import ShadowReportBlock
from alert_webhook.shadow.channels import ShadowedChannels, ShadowedGate
from alert_webhook.shadow.command import as_text
from alert_webhook.shadow.realm import in_shadow
from alert_webhook.shadow.report import Day, WouldBe, bounds, days_between, lines
from alert_webhook.shadow.reporting import ShadowReports
from alert_webhook.store import shadowed, views
from heronwatch.secrets import Secret
from tests.alert_webhook.web import conftest as web
from tests.fakes.channel_rigs import sample_message
from tests.fakes.webhook_stack import TOKEN, OpenGate, Stack, config

both_databases, engine = web.both_databases, web.engine  # SQLite, but for some
DAY_S = 86_400.0
UTC_ZONE = Zone("UTC")
SAMPLE = sample_message("").incident


MODES: dict[str, Literal["live", "shadow"]] = {"am": "shadow", "live": "live"}


class Throttled(OpenGate):
    """The throttles alone."""

    def ask(self, message: Message, recent: tuple[float, ...], now: float) -> Decision:
        return throttled(message, recent, now)


@pytest.fixture
def shadow(stack: Stack) -> Stack:
    """A stack with an integration in shadow and one that is not."""
    both = {name: Integration(tokens=(Secret(TOKEN),), policy="default", mode=mode) for name, mode in MODES.items()}
    stack.settings = config(integrations=both)
    channels = ShadowedChannels(lambda: stack.channels)
    gate = ShadowedGate(stack)
    stack.outbox = Outbox(stack.parts, channels, gate=gate, meters=stack.meters, pause=stack.clock.advance)
    stack.engine._outbox = stack.outbox
    return stack


def kept_back(stack: Stack) -> tuple[WouldBe, ...]:
    return stack.store.read(lambda tx: shadowed.kept_back(tx, 0, 1e12))


@both_databases
def test_nobody_is_contacted_and_the_escalation_runs(shadow: Stack) -> None:
    shadow.fire("UpsOnBattery", severity="critical", site="north")
    shadow.fast_forward(minutes=11)
    assert not shadow.channels["sms"].attempts
    assert not shadow.channels["mail"].attempts
    found = kept_back(shadow)
    assert [(each.person, each.contact, each.step) for each in found] == [
        ("ana", "sms", 1),
        ("ana", "mail", 1),
        ("ben", "sms", 2),
    ]
    assert {(each.title, each.policy, each.integration) for each in found} == {
        ("UpsOnBattery · north", "default", "am")
    }


def test_another_integration_pages_as_ever(shadow: Stack) -> None:
    shadow.post(shadow.alert("UpsOnBattery", "critical", 0, None, {}), name="live")
    shadow.settle()
    shadow.phone("ana").expects("UpsOnBattery")
    shadow.mailbox("ana").expects("UpsOnBattery")
    assert kept_back(shadow) == ()


def test_the_report_says_who_when_and_why(shadow: Stack) -> None:
    shadow.fire("UpsOnBattery", severity="critical")
    shadow.clock.advance(60)
    shadow.resolve("UpsOnBattery", severity="critical")
    day = datetime.fromtimestamp(shadow.clock.now(), UTC).date()
    told = lines(Day(day, kept_back(shadow)), UTC_ZONE)
    assert told[0] == f"{day}: 2 page(s) about 1 incident(s): ana 2"
    assert told[1].endswith("critical UpsOnBattery (escalation step 1 of policy default)")
    assert told[-1].endswith("(the incident was over)")


def test_the_report_as_json_has_the_same(shadow: Stack) -> None:
    shadow.fire("UpsOnBattery", severity="critical")
    found = Day(date(2026, 1, 1), kept_back(shadow))
    first = json.loads(as_text(found, UTC_ZONE, as_json=True)[0])
    assert (first["person"], first["why"]) == ("ana", "escalation step 1 of policy default")


def test_a_day_without_messages_says_so() -> None:
    assert lines(Day(date(2026, 3, 1), ()), UTC_ZONE) == ["2026-03-01: nobody would have been contacted."]


def test_a_day_in_a_zone_ends_where_the_next_begins() -> None:
    madrid = Zone("Europe/Madrid")  # on 29 March 2026 its day has 23 hours
    assert bounds(date(2026, 3, 29), madrid)[1] == bounds(date(2026, 3, 30), madrid)[0]
    begins, ends = bounds(date(2026, 3, 29), madrid)
    assert ends - begins == 23 * 3600
    assert days_between(begins, ends, madrid, most=7) == [date(2026, 3, 29)]


@both_databases
def test_the_report_is_sent_to_whom_it_is_for(shadow: Stack) -> None:
    report = ShadowReportBlock(notify=("ana/mail", "ben"))
    shadow.settings = replace(shadow.settings, shadow_report=report, time_zone=Zone("Europe/Madrid"))
    reports = ShadowReports(shadow.parts)
    reports.turn()
    shadow.fire("UpsOnBattery", severity="critical")
    shadow.clock.advance(DAY_S)
    logged = reports.turn()
    shadow.settle()
    shadow.phone("ben").expects("of shadow mode, 2027-01-15: 2 page(s) about 1 incident(s): ana 2")
    message = shadow.mailbox("ana").expects(reason=Reason.DIGEST)
    text = mail(message).text
    assert text.startswith("DIGEST of shadow mode, 2027-01-15: 2 page(s)")
    assert "Nobody was contacted about these:" in text
    assert "09:00:00 CET ana/sms: " in text
    assert [line for line in logged if line not in text] == []
    for _day in range(2):
        shadow.clock.advance(DAY_S)
        reports.turn()
        shadow.settle()
    shadow.phone("ben").expects("2027-01-16: 1 page(s)")
    shadow.mailbox("ana").expects("2027-01-16: 1 page(s)")  # and none about a day on which nothing was kept back


@both_databases
def test_the_day_before_is_reported_once_when_it_is_over(shadow: Stack) -> None:
    reports = ShadowReports(shadow.parts)
    assert reports.turn() == []
    shadow.fire("UpsOnBattery", severity="critical")
    assert reports.turn() == []
    shadow.clock.advance(DAY_S)
    assert "2 page(s) about 1 incident(s)" in reports.turn()[0]
    assert reports.turn() == []


def test_a_restart_loses_no_report_and_replicas_tell_it_once(shadow: Stack) -> None:
    ShadowReports(shadow.parts).turn()
    shadow.fire("UpsOnBattery", severity="critical")
    shadow.clock.advance(2 * DAY_S)
    told = ShadowReports(shadow.parts).turn()
    assert [line.split(": ")[1] for line in told if line[:2] == "20"] == [
        "2 page(s) about 1 incident(s)",
        "nobody would have been contacted.",
    ]
    assert ShadowReports(shadow.parts).turn() == []


def test_without_shadow_mode_nothing_is_reported(stack: Stack) -> None:
    stack.clock.advance(DAY_S)
    assert ShadowReports(stack.parts).turn() == []


@both_databases
def test_what_is_kept_back_uses_up_nobodys_patience(shadow: Stack) -> None:
    """Twenty pages in shadow to a phone, and the throttle still lets a live one through."""
    shadow.gate = Throttled()
    for number in range(20):
        shadow.fire("Noise", severity="high", group=f"g{number}", instance=str(number))
    shadow.post(shadow.alert("LinkDown", "high", 0, None, {}), name="live")
    shadow.settle()
    shadow.phone("ana").expects("LinkDown")
    assert len(kept_back(shadow)) == 20


@both_databases
def test_no_live_page_is_lost_in_one_that_is_kept_back(shadow: Stack) -> None:
    """What the throttle holds back for a phone rides with the next message that really goes out."""
    shadow.gate = Throttled()
    for number in range(7):
        shadow.post(shadow.alert(f"Live{number}", "high", 0, None, {}), name="live", group=f"live{number}")
    shadow.settle()
    for number in range(5):
        shadow.phone("ana").expects(f"Live{number}")
    shadow.fire("Shadowy", severity="critical")
    shadow.clock.advance(16 * 60)
    shadow.settle()
    assert shadow.phone("ana").expects("Live").context[0].startswith("1 more incident(s): ")
    for _ in range(5):
        shadow.phone("ben").expects("Live", step=2)


def test_a_provider_that_was_not_asked_is_not_well(shadow: Stack) -> None:
    gate = LiveGate(shadow.parts.settings)
    shadow.gate = gate
    gate.tell("sms", Permanent("HTTP 401", refused_us=True), shadow.clock.now())
    shadow.fire("UpsOnBattery", severity="critical")
    assert gate.refusals() == {"sms": "HTTP 401"}


def test_answers_reminders_and_ends_contact_nobody(shadow: Stack) -> None:
    shadow.fire("UpsOnBattery", severity="critical")
    (incident,) = shadow.store.read(lambda tx: views.incident_list(tx, states=OPEN))
    acknowledge(shadow.parts, incident.id, who="ana", via="test")
    shadow.clock.advance(3.8 * 3600)
    shadow.settle()
    shadow.clock.advance(0.3 * 3600)
    shadow.settle()
    shadow.resolve("UpsOnBattery", severity="critical")
    assert {each.reason for each in kept_back(shadow)} == {"page", "reminder", "resolved"}
    assert not [each for name in ("sms", "mail") for each in shadow.channels[name].attempts]


def test_parents_and_children_in_shadow_stay_among_themselves(shadow: Stack) -> None:
    shadow.settings = replace(shadow.settings, suppression=SuppressionBlock(parents={"sw1": ("core",)}))
    shadow.fire("DeviceDown", severity="high", instance="core")
    shadow.fire("LinkDown", severity="high", instance="sw1")
    assert [each.title for each in kept_back(shadow)] == ["DeviceDown · core"]
    shadow.post(shadow.alert("LinkDown", "high", 0, None, {"instance": "sw1"}), name="live", group="l")
    shadow.settle()
    shadow.phone("ana").expects("LinkDown · sw1")


def test_a_live_parent_hides_nothing_that_is_tried_out(shadow: Stack) -> None:
    shadow.settings = replace(shadow.settings, suppression=SuppressionBlock(parents={"sw1": ("core",)}))
    shadow.post(shadow.alert("DeviceDown", "high", 0, None, {"instance": "core"}), name="live", group="l")
    shadow.settle()
    assert shadow.phone("ana").expects("DeviceDown").incident.folded_total == 0
    shadow.fire("LinkDown", severity="high", instance="sw1")
    assert [each.title for each in kept_back(shadow)] == ["LinkDown · sw1"]


@both_databases
def test_digests_in_shadow_are_kept_back_and_others_know_nothing_of_them(shadow: Stack) -> None:
    daily = DigestBlock(notify=("ben",), time_zone=Zone("UTC"), at=(TimeOfDay(480),))
    shadow.settings = replace(shadow.settings, digests={"daily": daily})
    shadow.settle()
    shadow.fire("Tried", severity="warning")
    shadow.post(shadow.alert("Real", "warning", 0, None, {}), name="live", group="l")
    shadow.settle()
    shadow.clock.advance(DAY_S)
    shadow.settle()
    message = shadow.phone("ben").expects("1 incident since")
    assert [alert.name for alert in message.incident.alerts] == ["Real"]
    assert [(each.reason, each.person) for each in kept_back(shadow)] == [("digest", "ben")]


@pytest.mark.parametrize(
    "labels", [{"alertname": "OnCallHandover"}, {"alertname": "ShiftTest"}, {"integration": "am"}, {"channel": "sms"}]
)
def test_our_own_messages_contact_nobody_while_everything_is_only_tried(labels: dict[str, str]) -> None:
    only = config(integrations={"am": Integration(tokens=(Secret(TOKEN),), policy="default", mode="shadow")})
    assert in_shadow(only, replace(SAMPLE, integration="heronwatch", labels=labels))


@pytest.mark.parametrize(
    ("labels", "kept"),
    [({"alertname": "ShiftTest"}, False), ({"integration": "am"}, True), ({"integration": "live"}, False)],
)
def test_beside_a_live_integration_only_what_is_about_the_other_is_kept(
    shadow: Stack, labels: dict[str, str], kept: bool
) -> None:
    assert in_shadow(shadow.settings, replace(SAMPLE, integration="heronwatch", labels=labels)) is kept
