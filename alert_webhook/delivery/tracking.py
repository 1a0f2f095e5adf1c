"""Channels as the outbox uses them: each remembers what its provider took and which addresses it gave up.

A message that a provider took before we died is not handed over again; an address that a provider called hopeless is
left alone for a day (at a first attempt the outbox sees to that); where a provider takes nothing, the channel's
`fallback` is asked within the same attempt.
"""

import threading
from collections.abc import Callable, Mapping

from msgspec import Struct

from alert_webhook.delivery import breaker
from alert_webhook.delivery.breaker import Breaker
from alert_webhook.delivery.callback import Hears, LooksUp, Shows, Stage
from alert_webhook.delivery.channel import (
    NOTICES,
    Channel,
    Message,
    Outcome,
    Permanent,
    Reason,
    Receipt,
    Retry,
    Unknown,
)
from alert_webhook.delivery.privacy import readable
from alert_webhook.delivery.round import HOPELESS_FOR_S, given_up
from alert_webhook.delivery.templated import Templates
from alert_webhook.errors import StoreUnavailableError
from alert_webhook.parts import Parts
from alert_webhook.store import hopeless, tracked
from alert_webhook.store.database import Transaction
from alert_webhook.store.tracked import Tracked
from heronwatch.logs import get_logger


class Known(Struct, frozen=True):
    """What the database knows before a message is tried again."""

    hopeless: str = ""  # why its address was given up
    taken: Tracked | None = None  # an earlier attempt that the provider took


class TrackedChannels:
    """Calling it returns the channels in force, by their key in the configuration."""

    def __init__(self, parts: Parts, channels: Callable[[], Mapping[str, Channel]]) -> None:
        self._parts = parts
        self._channels = channels
        self._templates = Templates(parts)
        self._breakers: dict[str, Breaker] = {}
        self._lock = threading.Lock()
        self._log = get_logger("heronwatch.webhook.tracking")

    def __call__(self) -> dict[str, Channel]:
        """Return the channels in force."""
        return {name: _TrackedChannel(name, self) for name in self._channels()}

    def send(self, name: str, message: Message) -> Outcome:
        """Hand a message to channel `name`, or to its fallback."""
        known = self._known(name, message)
        if known.taken is not None:
            return Receipt(known.taken.reference, "taken at an earlier attempt")
        if known.hopeless:
            return given_up(known.hopeless)
        first = self._send_first(name, message)
        second = self._fallback(name) if _takes_nothing(first) else ""
        if not second:
            return first
        outcome = self._send_by(second, message)
        self._log.warning("the fallback of a channel was asked", channel=name, fallback=second, why=_why(first))
        return outcome if isinstance(outcome, Receipt | Unknown) else first

    def close(self) -> None:
        """Nothing is held here: the configuration closes its channels."""

    def _send_first(self, name: str, message: Message) -> Outcome:
        """Ask the provider itself, unless it has a fallback and failed too often."""
        if not self._fallback(name):
            return self._send_by(name, message)
        now = self._parts.clock.now()
        with self._lock:
            self._breakers[name], decision = breaker.ask(self._breakers.get(name, Breaker()), now)
        if not decision.send:
            return Retry(decision.reason)
        outcome = self._send_by(name, message)
        told = Retry("it takes nothing") if _takes_nothing(outcome) else outcome
        with self._lock:
            self._breakers[name] = breaker.tell(self._breakers[name], told, self._parts.clock.now())
        return outcome

    def _send_by(self, name: str, message: Message) -> Outcome:
        channel = self._channels()[name]
        block = self._parts.settings().channels.get(name)
        outcome = channel.send(self._templates.worded(name, readable(message, block)))
        self._remember(name, channel, message, outcome)
        return outcome

    def _fallback(self, name: str) -> str:
        block = self._parts.settings().channels.get(name)
        other = block.fallback if block is not None else ""
        return other if other in self._channels() else ""

    def _known(self, name: str, message: Message) -> Known:
        """Return what is known now; for a first attempt, whoever claimed the message has looked already."""
        if message.attempt <= 1:
            return Known()
        try:
            return self._parts.store.read(lambda tx: _read(tx, name, message))
        except StoreUnavailableError:
            return Known()  # better a page too many than none

    def _remember(self, name: str, channel: Channel, message: Message, outcome: Outcome) -> None:
        try:
            if isinstance(outcome, Permanent) and outcome.disable_contact:
                address = message.recipient.address
                self._parts.store.write(lambda tx: hopeless.mark(tx, name, address, outcome.reason), "hopeless")
                self._log.warning("an address is hopeless", channel=name, why=outcome.reason)
            if isinstance(outcome, Receipt) and outcome.reference and isinstance(channel, Hears | LooksUp | Shows):
                self._parts.store.write(lambda tx: _track(tx, name, channel, message, outcome), "track")
        except StoreUnavailableError as error:
            self._log.error("what became of a message will not be known", channel=name, reason=str(error))


class _TrackedChannel:
    """One channel, by way of what is remembered."""

    def __init__(self, name: str, channels: TrackedChannels) -> None:
        self._name = name
        self._channels = channels

    def send(self, message: Message) -> Outcome:
        """Hand a message over."""
        return self._channels.send(self._name, message)

    def close(self) -> None:
        """Nothing is held here."""


def _takes_nothing(outcome: Outcome) -> bool:
    return isinstance(outcome, Retry) or (isinstance(outcome, Permanent) and outcome.refused_us)


def _why(outcome: Outcome) -> str:
    return "" if isinstance(outcome, Receipt) else outcome.reason


def _read(tx: Transaction, name: str, message: Message) -> Known:
    taken = tracked.under_way(tx, message.id)
    if message.reason is Reason.TEST:
        return Known(taken=taken)  # to see whether it works again
    place = (name, message.recipient.address)
    return Known(hopeless.reasons(tx, {place}, since=tx.now - HOPELESS_FOR_S).get(place, ""), taken)


def _track(tx: Transaction, name: str, channel: Channel, message: Message, outcome: Receipt) -> None:
    over = message.reason in NOTICES  # what becomes of those changes nothing
    asks = isinstance(channel, LooksUp) and not over
    new = Tracked(
        id=0,
        channel=name,
        reference=outcome.reference,
        uid=message.id,
        address=message.recipient.address,
        stage=Stage.ACCEPTED,
        taken_at=tx.now,
        asked=0,
        ask_at=tx.now + channel.polling.delay(1, 1.0) if asks and isinstance(channel, LooksUp) else None,
        shown_state=message.incident.state if isinstance(channel, Shows) and not over else None,
    )
    tracked.add(tx, new, word=outcome.detail)
