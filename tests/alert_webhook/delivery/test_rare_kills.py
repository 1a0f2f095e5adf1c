"""Deaths at commits that the crash benchmark's load does not reach: what follows is what had followed without them."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from alert_webhook.config import Delivery
from alert_webhook.delivery.channel import Message, Permanent, Reason
from alert_webhook.incidents.actions import acknowledge
from alert_webhook.incidents.blocks import AcknowledgementBlock
from alert_webhook.incidents.transitions import State
from alert_webhook.oncall.blocks import LayerBlock, ScheduleBlock
from alert_webhook.oncall.wall import Zone
from alert_webhook.store import views
from alert_webhook.watch.blocks import HealthBlock, WatchdogBlock
from alert_webhook.watch.watch import Watch
from heronwatch.values import Duration
from tests.fakes.webhook_stack import Stack, config


class DiedError(BaseException):
    """Stands for the end of the process: nothing that handles errors handles it."""


class Fragile:
    """A webhook whose process dies where it passes `place` for the first time, and is started again."""

    def __init__(self, stack: Stack, place: str) -> None:
        self.stack, self.deaths = stack, 0
        self._place = place
        stack.store._failpoint = self._pass  # the seam of a store that is open already
        self._start()

    def _pass(self, place: str) -> None:
        if place == self._place and not self.deaths:
            self.deaths += 1
            raise DiedError

    def _start(self) -> None:
        self.stack.engine = self.stack.another_engine()
        self._watch = Watch(self.stack.parts, dict)

    def alive(self, work: Callable[[], object]) -> None:
        """Work; after a death once more, as whoever gets no answer does."""
        for _ in range(2):
            try:
                work()
            except DiedError:
                self._start()
            else:
                return

    def live(self, *, minutes: float) -> None:
        for _ in range(round(minutes * 2)):
            self.stack.clock.advance(30)
            self.alive(lambda: self._watch.turn())  # noqa: PLW0108  # another one after a death
            self.alive(self.stack.settle)


def alert(stack: Stack) -> None:
    assert stack.post(stack.alert("LinkDown", "high", 0, None, {}), group="g").status == 200


def answered(fragile: Fragile) -> None:
    stack = fragile.stack
    fragile.alive(lambda: alert(stack))
    fragile.alive(stack.settle)
    (found,) = stack.store.read(lambda tx: views.incident_list(tx, states=frozenset(State)))
    fragile.alive(lambda: acknowledge(stack.parts, found.id, who="ana", via="test"))
    fragile.live(minutes=25)


def hopeless(fragile: Fragile) -> None:
    fragile.stack.channels["sms"].default = Permanent("HTTP 410", disable_contact=True)
    fragile.alive(lambda: alert(fragile.stack))
    fragile.live(minutes=5)


def silent(fragile: Fragile) -> None:
    fragile.live(minutes=13)


def shift(fragile: Fragile) -> None:
    fragile.live(minutes=1)
    fragile.stack.clock.advance(3500)
    fragile.live(minutes=3)


ACKED = config(acknowledgement=AcknowledgementBlock(expires_after=Duration(1200), remind_before=Duration(300)))
WATCHED = config(
    health=HealthBlock(operator="default", watchdogs={"am": WatchdogBlock(silent_after=Duration(300))}),
    delivery=Delivery(resolved=False),
)
LAYER = LayerBlock(people=("ana", "ben"), every=Duration(86_400))
ON_CALL = config(schedules={"network": ScheduleBlock(time_zone=Zone("UTC"), layers=(LAYER,), handover=True)})
CASES: dict[str, tuple[Any, Callable[[Fragile], None]]] = {
    "acknowledge": (ACKED, answered),
    "acknowledgements": (ACKED, answered),
    "hopeless": (config(), hopeless),
    "trouble": (WATCHED, silent),
    "handover": (ON_CALL, shift),
}
Sent = Counter[tuple[str, str, Reason, str]]


def what_is_sent(stack: Stack, write: str, side: str) -> tuple[Sent, list[Message], int]:
    """Who got what; the messages; how often the process died."""
    stack.settings, act = CASES[write]
    fragile = Fragile(stack, f"{side}_commit:{write}")
    act(fragile)
    messages = [each for channel in stack.channels.values() for each in channel.attempts]
    taken = [each for channel in stack.channels.values() for each in channel.sent]
    stack.collect()
    stack.unexpected.clear()
    sent = Counter(
        (m.recipient.person, m.recipient.contact, m.reason, m.incident.title.split()[0].strip(":")) for m in taken
    )
    return sent, messages, fragile.deaths


DOWN, SILENT, SHIFT = "LinkDown", "IntegrationSilent", "OnCallHandover"
TAKEN_AGAIN = {("ana", "sms", Reason.PAGE, DOWN): 2, ("ana", "sms", Reason.REMINDER, DOWN): 1}
EXPECTED: dict[str, dict[tuple[str, str, Reason, str], int]] = {
    "acknowledge": TAKEN_AGAIN,
    "acknowledgements": TAKEN_AGAIN,
    "hopeless": {("ana", "mail", Reason.FALLBACK, DOWN): 1},
    "trouble": {("ana", contact, Reason.PAGE, SILENT): 1 for contact in ("sms", "mail")},
    "handover": {(who, "sms", Reason.HANDOVER, SHIFT): 1 for who in ("ana", "ben")},
}


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("write", CASES)
def test_a_death_there_costs_no_message_and_makes_none(stack: Stack, write: str, side: str) -> None:
    sent, messages, deaths = what_is_sent(stack, write, side)
    assert deaths == 1, "the load passes this place"
    assert dict(sent) == EXPECTED[write], messages
