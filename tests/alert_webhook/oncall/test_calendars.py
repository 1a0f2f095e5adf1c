"""Calendar files in use: read when they change, kept when they are bad, gone when they are no longer configured."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from alert_webhook.config import Config, PolicyBlock, StepBlock
from alert_webhook.oncall.blocks import CalendarBlock, LayerBlock, ScheduleBlock
from alert_webhook.oncall.schedule import Override
from alert_webhook.oncall.wall import Day, Zone
from alert_webhook.store import overrides
from alert_webhook.store.schema import oncall_override
from tests.fakes.webhook_stack import Stack, config

MADRID = Zone("Europe/Madrid")


def write(path: Path, person: str, day: str = "20270115") -> None:
    path.write_text(
        f"BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nSUMMARY:{person}\nDTSTART;VALUE=DATE:{day}\n"
        "RRULE:FREQ=WEEKLY\nEND:VEVENT\nEND:VCALENDAR\n"
    )


def settings(file: Path) -> Config:
    layer = LayerBlock(people=("ana",), start=Day(2027, 1, 1))
    schedule = ScheduleBlock(time_zone=MADRID, layers=(layer,), calendars={"holidays": CalendarBlock(file=file)})
    policies = {"default": PolicyBlock(steps=(StepBlock(notify=("schedule:network",)),))}
    return config(schedules={"network": schedule}, policies=policies)


@pytest.fixture
def calendar(stack: Stack, tmp_path: Path) -> Path:
    path = tmp_path / "holidays.ics"
    write(path, "Ben")
    stack.settings = settings(path)
    return path


def fire(stack: Stack, name: str) -> None:
    stack.clock.advance(31)  # calendars are looked at twice a minute
    stack.fire(name, severity="high")


def test_an_event_puts_its_person_on_call(stack: Stack, calendar: Path) -> None:
    stack.fire("LinkDown", severity="high")
    stack.phone("ben").expects("LinkDown")


def test_a_changed_file_counts(stack: Stack, calendar: Path) -> None:
    stack.fire("One", severity="high")
    stack.phone("ben").expects("One")
    write(calendar, "nobody at all")
    fire(stack, "Two")
    stack.phone("ana").expects("Two")


@pytest.mark.parametrize("content", [None, "", "BEGIN:VCALENDAR\n", "<html>"])
def test_a_bad_file_leaves_what_it_said_before(stack: Stack, calendar: Path, content: str | None) -> None:
    stack.fire("One", severity="high")
    stack.phone("ben").expects("One")
    if content is None:
        calendar.unlink()
    else:
        calendar.write_text(content)
    fire(stack, "Two")
    stack.phone("ben").expects("Two")


def test_a_calendar_that_is_no_longer_configured_is_forgotten(stack: Stack, calendar: Path) -> None:
    stack.fire("One", severity="high")
    stack.phone("ben").expects("One")
    bare = replace(stack.settings.schedules["network"], calendars={})
    stack.settings = replace(stack.settings, schedules={"network": bare})
    fire(stack, "Two")
    stack.phone("ana").expects("Two")
    assert stack.store.read(lambda tx: overrides.not_over(tx, 0.0)) == []


def test_a_users_override_comes_before_a_calendars(stack: Stack, calendar: Path) -> None:
    stack.settle()
    now = stack.clock.now()
    stack.store.write(lambda tx: overrides.add(tx, "network", Override("ana", now, now + 99), who="maria"), "test")
    write(calendar, "ben", "20270108")  # imported later
    fire(stack, "LinkDown")
    stack.phone("ana").expects("LinkDown")


def test_repetitions_come_into_view_as_time_goes_on(stack: Stack, calendar: Path) -> None:
    def last() -> float:
        return float(
            stack.store.read(lambda tx: tx.execute(sa.select(sa.func.max(oncall_override.c.end_at))).scalar_one())
        )

    stack.settle()
    before = last()
    stack.clock.advance(30 * 86_400)
    stack.settle()
    assert last() >= before + 28 * 86_400


def test_what_is_over_is_forgotten_with_the_rest(stack: Stack, calendar: Path) -> None:
    stack.settle()
    stack.store.write(lambda tx: overrides.prune(tx, 4e9), "test")
    assert stack.store.read(lambda tx: overrides.not_over(tx, 0.0)) == []


def test_a_calendar_that_went_while_nothing_ran_is_forgotten(stack: Stack) -> None:
    now = stack.clock.now()
    old = Override("ben", now, now + 999)
    stack.store.write(lambda tx: overrides.replace_calendar(tx, "network", "old", [old]), "test")
    stack.settle()
    assert stack.store.read(lambda tx: overrides.not_over(tx, 0.0)) == []
