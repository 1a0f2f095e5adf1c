"""What pages nobody is told of in a digest."""

from typing import Any

import pytest
from msgspec.structs import replace

from alert_webhook.config import DEFAULT_SEVERITIES, Config, SeverityBlock
from alert_webhook.delivery.channel import Permanent, Reason
from alert_webhook.delivery.render import sms
from alert_webhook.incidents.actions import acknowledge
from alert_webhook.incidents.blocks import DigestBlock
from alert_webhook.incidents.digest import latest_slot
from alert_webhook.incidents.transitions import State
from alert_webhook.incidents.urgency import Urgency
from alert_webhook.oncall.person_blocks import QuietBlock
from alert_webhook.oncall.wall import TimeOfDay, Zone
from alert_webhook.store import views
from heronwatch.values import HttpUrl
from tests.fakes.webhook_stack import Stack, config

DAILY = DigestBlock(notify=("ben", "ben"), time_zone=Zone("Europe/Madrid"))


@pytest.fixture
def morning(stack: Stack) -> Stack:
    """A minute after eight in Madrid, the first digest of the configuration behind us."""
    stack.settings = config(digests={"daily": DAILY})
    stack.settle()
    slot = latest_slot(DAILY.slots(), stack.clock.now() + 86_400)
    assert slot is not None
    stack.clock.advance(slot + 60 - stack.clock.now())
    stack.settle()
    return stack


def later(stack: Stack, *, hours: float) -> None:
    """Let the time pass at once: nothing else is due meanwhile."""
    stack.settle()
    stack.clock.advance(hours * 3600)
    stack.settle()


def test_warnings_are_one_message_a_day(morning: Stack) -> None:
    for number in range(3):
        morning.fire("DiskFilling", severity="warning", group=f"g{number}", instance=f"h{number}")
    morning.resolve("DiskFilling", severity="warning", group="g1", instance="h1", at=1)
    later(morning, hours=23.9)
    morning.nothing_else()
    later(morning, hours=0.1)
    message = morning.phone("ben").expects("3 incidents since", reason=Reason.DIGEST, ack_url="")
    assert message.incident.title.endswith("2 still open")
    assert [alert.name for alert in message.incident.alerts] == [f"DiskFilling · h{n}" for n in (0, 2, 1)]


def test_what_is_still_open_comes_again_and_what_is_over_does_not(morning: Stack) -> None:
    morning.fire("Open", severity="warning")
    morning.fire("Over", severity="warning")
    morning.resolve("Over", severity="warning", at=1)
    later(morning, hours=24)
    morning.phone("ben").expects("2 incidents")
    later(morning, hours=24)
    morning.phone("ben").expects("1 incident since")


def test_a_day_without_warnings_has_no_digest(morning: Stack) -> None:
    later(morning, hours=25)


def test_what_paged_is_in_no_digest(morning: Stack) -> None:
    morning.fire("LinkDown", severity="high")
    morning.phone("ana").expects()
    (incident,) = morning.store.read(lambda tx: views.incident_list(tx, states=frozenset(State)))
    acknowledge(morning.parts, incident.id, who="maria", via="test")
    morning.resolve("LinkDown", severity="high", at=1)
    morning.phone("ana").expects(reason=Reason.RESOLVED)
    later(morning, hours=24)


def test_only_what_matches(morning: Stack) -> None:
    morning.settings = config(digests={"daily": replace(DAILY, match={"team": "network"})})
    morning.fire("A", severity="warning", team="network")
    morning.fire("B", severity="warning", team="plant")
    later(morning, hours=24)
    morning.phone("ben").expects("1 incident since")


def test_a_digest_that_cannot_be_delivered_pages_nobody_else(morning: Stack) -> None:
    morning.channels["sms"].answers = [Permanent("no such number")]
    morning.fire("DiskFilling", severity="warning")
    later(morning, hours=24)


def sleeper(**changes: Any) -> Config:
    """Ben sleeps until nine, and reads his digest then."""
    plain = config(digests={"daily": replace(DAILY, **changes)})
    quiet = QuietBlock(severities=("high",), begins=TimeOfDay(22 * 60), to=TimeOfDay(9 * 60))
    ben = replace(plain.people["ben"], time_zone=Zone("Europe/Madrid"), quiet_hours=quiet)
    return replace(plain, people={**plain.people, "ben": ben})


def test_a_digest_waits_for_the_end_of_the_hours_of_quiet(morning: Stack) -> None:
    morning.settings = sleeper()
    morning.fire("DiskFilling", severity="warning")
    later(morning, hours=24)
    morning.nothing_else()
    later(morning, hours=0.5)
    morning.fire("Late", severity="warning")
    later(morning, hours=0.5)
    morning.phone("ben").expects("1 incident since", reason=Reason.DIGEST)


def test_a_digest_that_is_to_ignore_them_does_not_wait(morning: Stack) -> None:
    morning.settings = sleeper(quiet_hours="ignore")
    morning.fire("DiskFilling", severity="warning")
    later(morning, hours=24)
    morning.phone("ben").expects("1 incident since", reason=Reason.DIGEST)


def test_a_digest_says_how_many_of_what_the_worst_first_and_where_the_list_is(morning: Stack) -> None:
    morning.settings = config(
        digests={"daily": replace(DAILY, more=HttpUrl.parse("https://pager.example.org/incidents"))},
        severities={**DEFAULT_SEVERITIES, "info": SeverityBlock(urgency=Urgency.DIGEST)},
    )
    morning.fire("Note", severity="info", instance="h1")
    morning.fire("DiskFilling", severity="warning", instance="h2")
    later(morning, hours=24)
    message = morning.phone("ben").expects("2 incidents since", reason=Reason.DIGEST)
    assert message.incident.title.endswith(": 1 warning, 1 info; 2 still open")
    text = sms(message, links=True)
    assert text.index("warning, 1 firing: DiskFilling - h2") < text.index("info, 1 firing: Note - h1")
    assert text.endswith("More: https://pager.example.org/incidents")


@pytest.mark.parametrize(
    ("hours", "expected"), [(0.0, None), (7.0, 6.5), (8.0, 6.5), (24 + 6.4, 6.5), (24 + 6.5, 24 + 6.5)]
)
def test_the_latest_slot(hours: float, expected: float | None) -> None:
    block = DigestBlock(notify=("ana",), time_zone=Zone("UTC"), at=(TimeOfDay(390),), days=("thu", "fri"))
    found = latest_slot(block.slots(), hours * 3600)  # 1970-01-01 was a Thursday
    assert (found if found is None or found >= 0 else None) == (None if expected is None else expected * 3600)
