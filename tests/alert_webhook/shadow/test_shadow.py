"""Shadow mode: everything runs, nobody is contacted, and a report says who would have been."""

import json
from datetime import UTC, date, datetime

import pytest

from alert_webhook.config import Integration
from alert_webhook.delivery.outbox import Outbox
from alert_webhook.intake.keeping import Keeping, KeepingMeters
from alert_webhook.shadow.channels import ShadowedChannels
from alert_webhook.shadow.command import as_text
from alert_webhook.shadow.report import Day, WouldBe, bounds, lines
from alert_webhook.store import shadowed
from heronwatch.secrets import Secret
from tests.fakes.webhook_stack import TOKEN, Stack, config

DAY_S = 86_400.0


@pytest.fixture
def shadow(stack: Stack) -> Stack:
    """A stack with an integration in shadow and one that is not."""
    both = {
        name: Integration(tokens=(Secret(TOKEN),), policy="default", mode=mode)
        for name, mode in (("am", "shadow"), ("live", "live"))
    }
    stack.settings = config(integrations=both)
    channels = ShadowedChannels(stack.parts.settings, lambda: stack.channels)
    stack.outbox = Outbox(stack.parts, channels, gate=stack, meters=stack.meters, pause=stack.clock.advance)
    stack.engine._outbox = stack.outbox
    return stack


def kept_back(stack: Stack) -> tuple[WouldBe, ...]:
    return stack.store.read(lambda tx: shadowed.kept_back(tx, 0, 1e12))


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
    told = lines(Day(day, kept_back(shadow)))
    assert told[0] == f"{day}: 2 page(s) about 1 incident(s): ana 2"
    assert told[1].endswith("critical UpsOnBattery (escalation step 1 of policy default)")
    assert told[-1].endswith("(the incident was over)")


def test_the_report_as_json_has_the_same(shadow: Stack) -> None:
    shadow.fire("UpsOnBattery", severity="critical")
    found = Day(date(2026, 1, 1), kept_back(shadow))
    first = json.loads(as_text(found, as_json=True)[0])
    assert (first["person"], first["why"]) == ("ana", "escalation step 1 of policy default")


def test_a_day_without_messages_says_so() -> None:
    assert lines(Day(date(2026, 3, 1), ())) == ["2026-03-01: nobody would have been contacted."]


def test_a_day_in_a_zone_ends_where_the_next_begins() -> None:
    assert bounds(date(2026, 3, 1))[1] == bounds(date(2026, 3, 2))[0]


def test_the_day_before_is_reported_once_when_it_is_over(shadow: Stack) -> None:
    keeping = Keeping(shadow.parts, KeepingMeters(shadow.registry))
    assert keeping.report_shadow() == []
    shadow.fire("UpsOnBattery", severity="critical")
    shadow.clock.advance(DAY_S)
    assert "2 page(s) about 1 incident(s)" in keeping.report_shadow()[0]
    assert keeping.report_shadow() == []
