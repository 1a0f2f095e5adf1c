"""The webhook without its HTTP servers: alerts go in, time is moved by hand, phones receive; nothing unexpected may."""

import functools
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

import msgspec
from prometheus_client import CollectorRegistry

from alert_webhook.config import (
    DEFAULT_SEVERITIES,
    Config,
    ContactBlock,
    Database,
    Delivery,
    Integration,
    PersonBlock,
    PolicyBlock,
    SeverityBlock,
    StepBlock,
)
from alert_webhook.delivery.channel import ChannelBlock, Decision, Message, Outcome, Receipt
from alert_webhook.delivery.outbox import Outbox
from alert_webhook.delivery.tracking import TrackedChannels
from alert_webhook.escalation.engine import SPIN_S, Engine
from alert_webhook.incidents.urgency import Urgency
from alert_webhook.intake.accepting import Intake, Reply
from alert_webhook.meters import Meters
from alert_webhook.parts import Parts
from alert_webhook.store.database import Store
from alert_webhook.store.migrating import newest_revision
from alert_webhook.store.opening import nothing
from alert_webhook.store.rolling import ENGINE_VERSION
from heronwatch.secrets import Secret
from heronwatch.values import Duration
from tests.fakes.clock import FakeClock

TOKEN = "0123456789abcdef0123456789abcdef"
NS = 1_000_000_000
MAX_STEP_S = 30.0
MAX_TURNS = 20
revision = functools.cache(newest_revision)  # which reads every migration's file


class FakeBlock(ChannelBlock, frozen=True, kw_only=True, tag="fake"):
    """The block of a channel that only remembers."""


class Inline(Executor):
    """Runs what is submitted at once."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


class OpenGate:
    """Lets everything through."""

    def ask(self, message: Message, recent: tuple[float, ...], now: float) -> Decision:
        return Decision(send=True)

    def tell(self, channel: str, outcome: Outcome, now: float) -> None:
        """Nothing to learn."""


class FakeChannel:
    """A provider: answers with what the test queued, else takes the message."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.attempts: list[Message] = []
        self.answers: list[Outcome | Exception] = []
        self.default: Outcome = Receipt("ref")
        self.during: Callable[[Message], None] = nothing

    def send(self, message: Message) -> Outcome:
        self.attempts.append(message)
        self.during(message)
        answer = self.answers.pop(0) if self.answers else self.default
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Receipt):
            self.sent.append(message)
        return answer

    def close(self) -> None:
        """Nothing to close."""


class Random:
    """Bytes that differ each time and are the same in each run."""

    def __init__(self, seed: int = 0) -> None:
        import random

        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def __call__(self, n: int) -> bytes:
        with self._lock:
            return self._random.randbytes(n)


def config(**changes: Any) -> Config:
    """Two people, two channels, two steps ten minutes apart."""
    values: dict[str, Any] = {
        "version": 1,
        "database": Database(),
        "integrations": {"am": Integration(tokens=(Secret(TOKEN),), policy="default")},
        "people": {
            "ana": PersonBlock(contacts=(_contact("sms", "+34600000001"), _contact("mail", "ana@example.org"))),
            "ben": PersonBlock(contacts=(_contact("sms", "+34600000002"),)),
        },
        "policies": {
            "default": PolicyBlock(
                steps=(StepBlock(notify=("ana",)), StepBlock(notify=("ben",), after=Duration(600))),
                exhausted_after=Duration(900),
            )
        },
        "channels": {"sms": FakeBlock(), "mail": FakeBlock()},
        "severities": {**DEFAULT_SEVERITIES, "high": SeverityBlock(urgency=Urgency.PAGE)},  # at once
        "delivery": Delivery(),
    }
    return Config(**{**values, **changes})


def _contact(channel: str, address: str) -> ContactBlock:
    return ContactBlock(channel=channel, address=address)


class Inbox:
    """What one contact of one person received and the test has not expected yet."""

    def __init__(self, stack: "Stack", person: str, contact: str) -> None:
        self._stack, self._person, self._contact = stack, person, contact

    def waiting(self) -> list[Message]:
        return [
            message
            for message in self._stack.unexpected
            if (message.recipient.person, message.recipient.contact) == (self._person, self._contact)
        ]

    def expects(self, words: str = "", **fields: Any) -> Message:
        """Take the oldest message that is here; it must have `words` in its title and these fields."""
        self._stack.collect()
        waiting = self.waiting()
        assert waiting, f"{self._person}/{self._contact} received nothing; others: {self._stack.overview()}"
        message = waiting[0]
        assert words in message.incident.title, message.incident.title
        for name, value in fields.items():
            assert getattr(message, name) == value, (name, getattr(message, name), value)
        self._stack.unexpected.remove(message)
        return message


class Stack:
    """One webhook. At the end `nothing_else` must hold."""

    def __init__(self, store: Store, clock: FakeClock, settings: Config | None = None) -> None:
        self.store, self.clock = store, clock
        self.settings = settings or config()
        self.channels: dict[str, Any] = {"sms": FakeChannel(), "mail": FakeChannel()}
        self.unexpected: list[Message] = []
        self._known: list[Message] = []
        self.wake = threading.Event()
        self.random = Random()
        self.registry = CollectorRegistry()
        self.meters = Meters(self.registry)
        self.gate: Any = OpenGate()
        self.pass_place: Callable[[str], None] = nothing
        self.parts = Parts(
            store=store,
            clock=clock,
            settings=lambda: self.settings,
            random=self.random,
            wake=self.wake.set,
            failpoint=lambda place: self.pass_place(place),  # noqa: PLW0108  # a test replaces it
            public_url="https://pager.example.org",
            channels=lambda: self.channels,
        )
        self.intake = Intake(self.parts, self.meters)
        tracked = TrackedChannels(self.parts, lambda: self.channels)
        self.outbox = Outbox(self.parts, tracked, gate=self, meters=self.meters, pause=clock.advance)
        self.engine = self.another_engine()

    def another_engine(self, version: int = ENGINE_VERSION) -> Engine:
        """An engine on the same database, as a process that is started now has it."""
        return Engine(
            self.parts,
            self.outbox,
            Inline(),
            wake=self.wake,
            meters=self.meters,
            revision=revision(),
            idle=lambda: None,
            version=version,
        )

    def ask(self, message: Message, recent: tuple[float, ...], now: float) -> Decision:
        decision: Decision = self.gate.ask(message, recent, now)
        return decision

    def tell(self, channel: str, outcome: Outcome, now: float) -> None:
        self.gate.tell(channel, outcome, now)

    def post(self, *alerts: dict[str, Any], group: str = "{}:{}", name: str = "am", **envelope: Any) -> Reply:
        body = {"version": "4", "groupKey": group, "groupLabels": {}, "alerts": list(alerts), **envelope}
        return self.intake.accept(name, self.settings.integrations[name], msgspec.json.encode(body))

    def fire(
        self, alertname: str, *, severity: str = "critical", group: str = "", at: float = 0.0, **labels: str
    ) -> None:
        """An alert that began `at` seconds from now (0: now) reaches us."""
        reply = self.post(self.alert(alertname, severity, at, None, labels), group=group or alertname)
        assert reply.status == 200, reply
        self.settle()

    def resolve(
        self, alertname: str, *, severity: str = "critical", group: str = "", at: float = 0.0, **labels: str
    ) -> None:
        reply = self.post(self.alert(alertname, severity, at - 1, at, labels), group=group or alertname)
        assert reply.status == 200, reply
        self.settle()

    def alert(
        self, alertname: str, severity: str, starts: float, ends: float | None, labels: dict[str, str], **more: Any
    ) -> dict[str, Any]:
        return {
            "status": "firing" if ends is None else "resolved",
            "labels": {"alertname": alertname, "severity": severity, **labels},
            "annotations": {},
            "startsAt": rfc3339(self.clock.now() + starts),
            "endsAt": "0001-01-01T00:00:00Z" if ends is None else rfc3339(self.clock.now() + ends),
            **more,
        }

    def settle(self) -> None:
        """Let the engine do everything that is due now."""
        for _ in range(MAX_TURNS):
            if self.engine.turn() > SPIN_S:
                return
        raise AssertionError("the engine never comes to rest")

    def fast_forward(self, *, minutes: float = 0.0, seconds: float = 0.0) -> None:
        """Let time pass in steps no longer than what the engine says it can wait."""
        left = minutes * 60 + seconds
        self.settle()
        while left > 0:
            step = min(left, MAX_STEP_S)
            self.clock.advance(step)
            left -= step
            self.settle()

    def phone(self, person: str) -> Inbox:
        return Inbox(self, person, "sms")

    def mailbox(self, person: str) -> Inbox:
        return Inbox(self, person, "mail")

    def collect(self) -> None:
        everything = sorted(
            (message for channel in self.channels.values() for message in channel.sent), key=lambda m: m.sent_at
        )
        self.unexpected += [message for message in everything if message not in self._known]
        self._known = everything

    def overview(self) -> str:
        return ", ".join(
            f"{m.recipient.person}/{m.recipient.contact}: {m.reason} {m.incident.title}" for m in self.unexpected
        )

    def nothing_else(self) -> None:
        """Fail on any message that nobody expected."""
        self.collect()
        assert not self.unexpected, f"unexpected: {self.overview()}"


def rfc3339(at: float) -> str:
    """Return a time as Go writes it."""
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")
