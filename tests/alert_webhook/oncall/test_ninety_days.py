"""Ninety days of four teams in four zones, across changes of clocks: people who answer, and who do not."""

import random
import time
from bisect import bisect_right
from datetime import UTC, datetime
from typing import Any

import pytest

from alert_webhook.config import Config, ContactBlock, Integration, PersonBlock, PolicyBlock, Route, StepBlock
from alert_webhook.delivery.channel import Message, Reason
from alert_webhook.escalation.blocks import ConditionBlock
from alert_webhook.escalation.forecast import forecast
from alert_webhook.incidents.actions import acknowledge
from alert_webhook.oncall.blocks import LayerBlock, ScheduleBlock, WindowBlock
from alert_webhook.oncall.schedule import Schedule, gaps, shifts
from alert_webhook.oncall.span import Shift
from alert_webhook.oncall.wall import Day, TimeOfDay, Zone
from alert_webhook.store.database import Store
from alert_webhook.store.looking import look
from heronwatch.secrets import Secret
from heronwatch.values import Duration
from tests.fakes.clock import FakeClock
from tests.fakes.webhook_stack import TOKEN, Stack, config

BEGIN = datetime(2026, 2, 20, 6, tzinfo=UTC).timestamp()  # New York changes on 8 March, Europe on 29, Sydney on 5 April
DAY, HOUR, MINUTE = 86_400.0, 3600.0, 60.0
TEAMS = {
    "network": "Europe/Madrid",
    "power": "America/New_York",
    "plant": "Australia/Sydney",
    "servers": "Asia/Kathmandu",
}
OFFICE = WindowBlock(days=("mon", "tue", "wed", "thu", "fri"), begins=TimeOfDay(8 * 60), to=TimeOfDay(17 * 60))


def team_config() -> Config:
    """Each team: by day its four people in turn for a week, by night for a day; a lead as the last step."""
    people, schedules, policies, routes = {}, {}, {}, []
    for team, zone in TEAMS.items():
        own = [f"{team}{number}" for number in range(4)]
        for key in [*own, f"{team}-lead"]:
            people[key] = PersonBlock(contacts=(ContactBlock(channel="sms", address="+34600000001"),))
        by_day = LayerBlock(name="day", people=tuple(own), weekday="mon", start=Day(2026, 1, 5), only=(OFFICE,))
        by_night = LayerBlock(
            name="night", people=tuple(reversed(own)), every=Duration(DAY), at=TimeOfDay(150), start=Day(2026, 1, 1)
        )
        schedules[team] = ScheduleBlock(time_zone=Zone(zone), layers=(by_day, by_night))
        at_night = ConditionBlock(time_zone=Zone(zone), outside=(OFFICE,))
        policies[team] = PolicyBlock(
            steps=(
                StepBlock(notify=(f"schedule:{team}",)),
                StepBlock(notify=(f"schedule:{team}",), after=Duration(15 * MINUTE), when=at_night),
                StepBlock(notify=(f"{team}-lead",), after=Duration(20 * MINUTE)),
            ),
            exhausted_after=Duration(30 * MINUTE),
        )
        routes.append(Route(match={"team": team}, policy=team))
    return config(
        people=people,
        schedules=schedules,
        policies=policies,
        routes=tuple(routes),
        integrations={"am": Integration(tokens=(Secret(TOKEN),), policy="network")},
    )


class Book:
    """Who is on call by the list of shifts, made once for the whole time: not the function that escalation asks."""

    def __init__(self, schedule: Schedule, end: float) -> None:
        self._shifts: list[Shift] = shifts(schedule, BEGIN - DAY, end + 2 * DAY)
        self._starts = [shift.start for shift in self._shifts]

    def who(self, at: float) -> str:
        found = self._shifts[bisect_right(self._starts, at) - 1]
        assert found.start <= at < found.end
        return found.person


def books(settings: Config, end: float) -> dict[str, Book]:
    return {name: Book(schedule, end) for name, schedule in settings.rotas().items()}


def test_four_teams_for_ninety_days_on_paper() -> None:
    """2,160 incidents that nobody answers: every page goes to whoever is on call at its own time."""
    began, settings, chance = time.monotonic(), team_config(), random.Random(7)
    rotas, end = settings.rotas(), BEGIN + 90 * DAY
    assert all(gaps(rota, BEGIN, end) == [] for rota in rotas.values())
    who, paged = books(settings, end), 0
    for team in TEAMS:
        for _ in range(540):
            at = chance.uniform(BEGIN, end)
            labels = {"alertname": "LinkDown", "severity": "high", "team": team}
            found = forecast(settings, "am", labels, at, schedules=rotas, turns={})
            assert found.policy == team
            pages = [(step.at, page) for step in found.steps for page in step.pages]
            assert pages[0][0] == at
            for when, page in pages:
                assert page.person == (f"{team}-lead" if page.step == 3 else who[team].who(when))
            assert found.steps[-1].kind == "exhausted"
            paged += len(pages)
    assert 2 * 2160 <= paged <= 3 * 2160
    assert time.monotonic() - began < 60


class Life:
    """Teams that live with the real engine and database: alerts begin, phones ring, some answer, alerts end."""

    def __init__(self, stack: Stack, end: float, each_day: float, seed: int) -> None:
        self.stack, self.end, self.chance = stack, end, random.Random(seed)
        self.to_do: list[tuple[float, int, Any]] = []
        self.began: dict[str, float] = {}
        self.acked: dict[str, float] = {}
        self.paged: dict[str, list[Message]] = {}
        self.resolved = 0
        for number in range(round((end - BEGIN) / DAY * each_day)):
            self._later(self.chance.uniform(BEGIN, end - 4 * HOUR), lambda number=number: self._begin(number))

    def run(self) -> None:
        while self.to_do:
            self.to_do.sort()
            at = min(self.to_do[0][0], self.stack.store.read(look).next_at)
            self.stack.clock.advance(max(0.0, at - self.stack.clock.now()))
            while self.to_do and self.to_do[0][0] <= self.stack.clock.now():
                self.to_do.pop(0)[2]()
            self.stack.settle()
            self._hear()

    def _later(self, at: float, what: Any) -> None:
        self.to_do.append((at, len(self.to_do) + self.chance.randrange(10**9), what))

    def _begin(self, number: int) -> None:
        name, team = f"Alert{number}", self.chance.choice(list(TEAMS))
        self.began[name] = self.stack.clock.now()
        self.stack.fire(name, severity="high", team=team)
        ends = self.stack.clock.now() + self.chance.uniform(5 * MINUTE, 3 * HOUR)
        self._later(ends, lambda: self.stack.resolve(name, severity="high", team=team, at=1))

    def _hear(self) -> None:
        self.stack.collect()
        heard, self.stack.unexpected = self.stack.unexpected, []
        for message in heard:
            name = message.incident.title.split()[0].rstrip(":,")
            if message.reason is Reason.RESOLVED:
                self.resolved += 1
                continue
            self.paged.setdefault(name, []).append(message)
            if name not in self.acked and self.chance.random() < 0.6:
                answer = self.stack.clock.now() + self.chance.uniform(30.0, 14 * MINUTE)
                self._later(answer, lambda name=name, message=message: self._answer(name, message))
        for channel in self.stack.channels.values():
            channel.sent.clear()
        self.stack._known.clear()

    def _answer(self, name: str, message: Message) -> None:
        done = acknowledge(self.stack.parts, message.incident.id, who=message.recipient.person, via="test")
        if done.answer.value == "taken":
            self.acked[name] = self.stack.clock.now()


def live(store: Store, clock: FakeClock, *, days: float, each_day: float) -> Life:
    """Let the teams live and check every page that anybody got."""
    clock.set_now(BEGIN)
    stack = Stack(store, clock, team_config())
    end = BEGIN + days * DAY
    life = Life(stack, end, each_day, seed=11)
    life.run()
    who = books(stack.settings, end)
    assert set(life.paged) == set(life.began)
    for name, messages in life.paged.items():
        assert messages[0].sent_at == life.began[name]
        for message in messages:
            team = message.incident.labels["team"]
            expected = f"{team}-lead" if message.step == 3 else who[team].who(message.sent_at)
            assert message.recipient.person == expected
            assert not (name in life.acked and message.sent_at > life.acked[name])
    assert life.acked
    assert life.resolved >= len(life.began)
    stack.nothing_else()
    return life


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_four_teams_for_a_week_with_engine_and_database(store: Store, clock: FakeClock) -> None:
    assert len(live(store, clock, days=7, each_day=2).began) == 14


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_four_teams_for_ninety_days_with_engine_and_database(store: Store, clock: FakeClock) -> None:
    began = time.process_time()  # not the wall: the disk's fsyncs are not what is measured, nor who shares the machine
    assert len(live(store, clock, days=90, each_day=3).began) == 270
    assert time.process_time() - began < 60
