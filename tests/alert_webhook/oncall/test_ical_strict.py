"""The calendars that we give out, read by a reader that forgives nothing."""

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from alert_webhook.app import main_app
from alert_webhook.oncall.blocks import LayerBlock, ScheduleBlock
from alert_webhook.oncall.ical_write import calendar
from alert_webhook.oncall.span import Shift
from alert_webhook.oncall.wall import Day, Zone
from alert_webhook.store import accounts
from heronwatch.values import Duration
from tests.alert_webhook.web import conftest as web
from tests.fakes.strict_ical import strict_events
from tests.fakes.webhook_stack import Stack, config

engine, password_hash = web.engine, web.password_hash
TEXT = st.text(max_size=120) | st.text('\\;,:"\r\n\t\x00é😀=', max_size=60)


@settings(deadline=None, max_examples=150)
@given(TEXT.filter(lambda text: text.isprintable() or not any("\ud800" <= c <= "\udfff" for c in text)), TEXT, TEXT)
def test_whatever_names_are_the_grammar_holds(schedule: str, person: str, source: str) -> None:
    shifts = [Shift(1.8e9, 1.8e9 + 3600, "ana", source), Shift(1.8e9 + 3600, 1.8e9 + 7200, "ben", source)]
    names = {"ana": person, "ben": person}
    events = strict_events(calendar(schedule, shifts, names=names, now=1.8e9).encode(errors="replace"))
    assert [each.values["DTSTART"] for each in events] == ["20270115T080000Z", "20270115T090000Z"]


def test_names_arrive_as_they_were_written() -> None:
    shift = Shift(1.8e9, 1.8e9 + 3600, "ana", "layer 1; first, of \\two")
    (event,) = strict_events(calendar("north, plant", [shift], names={"ana": "Ana: “A” é"}, now=0.0).encode())
    assert event.values["SUMMARY"] == "Ana: “A” é: on call for north, plant"
    assert event.values["DESCRIPTION"] == "layer 1; first, of \\two"


@pytest.fixture
def client(stack: Stack, password_hash: str) -> FlaskClient:
    stack.store.write(lambda tx: accounts.save_user(tx, "ana", password_hash), "test")
    layer = LayerBlock(people=("ana", "ben"), start=Day(2027, 1, 1), every=Duration(86_400))
    stack.settings = config(schedules={"network": ScheduleBlock(time_zone=Zone("Europe/Madrid"), layers=(layer,))})
    return main_app(stack.parts, stack.intake).test_client()


@pytest.mark.parametrize(
    ("wanted", "whose"),
    [({"schedule": "network"}, {"ana", "ben"}), ({"schedule": "network", "person": "ana"}, {"ana"})],
)
def test_a_link_gives_out_the_shifts_of_a_schedule_or_a_person(
    client: FlaskClient, wanted: dict[str, str], whose: set[str]
) -> None:
    made = client.post("/api/v1/oncall/calendars", json=wanted, auth=("ana", web.PASSWORD))
    assert made.status_code in {200, 201}, made.text
    path = made.json["url"].removeprefix("https://pager.example.org")
    answer = client.get(path)
    assert (answer.status_code, answer.mimetype) == (200, "text/calendar")
    events = strict_events(answer.data)
    assert {each.values["SUMMARY"].partition(":")[0] for each in events} == whose
    assert len(events) >= 90 * len(whose)
    assert client.get(path[:-6] + "x.ics").status_code == 404
