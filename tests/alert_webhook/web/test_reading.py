"""Whoever reads a time reads it as their clock shows it, and its zone is named."""

import re

import msgspec
import pytest
from flask.testing import FlaskClient

from alert_webhook.config import Config
from alert_webhook.delivery.channel import Reason
from alert_webhook.delivery.render import sms
from alert_webhook.incidents.blocks import DigestBlock
from alert_webhook.oncall.wall import TimeOfDay, Zone
from tests.alert_webhook.web.conftest import link_of
from tests.alert_webhook.web.test_ack_page import press
from tests.fakes.webhook_stack import Stack, config

DAILY = DigestBlock(notify=("ana", "ben"), time_zone=Zone("UTC"), at=(TimeOfDay(9 * 60),))


def ana_in(zone: str, **changes: object) -> Config:
    people = config().people
    return config(people={**people, "ana": msgspec.structs.replace(people["ana"], time_zone=Zone(zone))}, **changes)


@pytest.mark.parametrize(
    ("zone", "shown"),
    [("Europe/Madrid", "09:00 CET"), ("America/New_York", "03:00 EST"), ("Asia/Kathmandu", "13:45 UTC+0545")],
)
def test_a_message_and_its_ack_page_say_when(stack: Stack, phone: FlaskClient, zone: str, shown: str) -> None:
    stack.settings = ana_in(zone)
    stack.fire("LinkDown", severity="high")
    message = stack.phone("ana").expects()
    assert f"Began {shown}, " in sms(message, links=True)
    link = link_of(message)
    press(phone, link)
    page = phone.get(link).text
    times = re.findall(r"([^>]+)</time>", page)
    assert (len(times), {time.partition(":")[2].partition(" ")[2] for time in times}) == (7, {shown.partition(" ")[2]})
    assert sum(shown in time for time in times) == 6  # and when the acknowledgement ends
    assert f"Shown at 2027-01-15 {shown}" in page


def test_each_reader_of_a_digest_reads_their_own_time(stack: Stack) -> None:
    stack.settings = ana_in("Europe/Madrid", digests={"daily": DAILY})
    for hours in (2, 23):
        stack.clock.advance(hours * 3600)
        stack.settle()
        if hours == 2:
            stack.fire("DiskFilling", severity="warning")
    assert "since 15 Jan 10:00 CET" in stack.phone("ana").expects(reason=Reason.DIGEST).incident.title
    assert "since 15 Jan 09:00 UTC" in stack.phone("ben").expects(reason=Reason.DIGEST).incident.title


def test_the_end_of_a_snooze_is_told_in_the_time_of_whoever_asked_for_it(stack: Stack, phone: FlaskClient) -> None:
    stack.settings = ana_in("Europe/Madrid")
    stack.fire("LinkDown", severity="high")
    link = link_of(stack.phone("ana").expects())
    press_snooze(phone, link)
    assert "snoozed until 2027-01-15 10:00 CET by ana" in phone.get(link).text


def press_snooze(phone: FlaskClient, link: str) -> None:
    from tests.alert_webhook.web.conftest import Form

    fields = Form(phone.get(link).text).fields
    assert phone.post(link, data={**fields, "action": "snooze", "for": "1h"}).status_code == 303
