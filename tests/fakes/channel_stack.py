"""The webhook with real channels in front of providers that a test plays, and both web applications."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask.testing import FlaskClient

from alert_webhook.app import public_app
from alert_webhook.config import Config, ContactBlock, PersonBlock
from alert_webhook.config_checks import channel_type
from alert_webhook.delivery.aftercare import Aftercare
from alert_webhook.delivery.channel import ChannelBlock, ChannelContext
from alert_webhook.delivery.registry import CHANNELS
from alert_webhook.incidents.incident import Incident
from alert_webhook.store import incidents
from alert_webhook.store.database import Store
from heronwatch.values import Network
from tests.fakes.clock import FakeClock
from tests.fakes.webhook_stack import Stack, config

PUBLIC_URL = "https://pager.example.org"
LOCAL = (Network.parse("127.0.0.0/8"),)


class ChannelStack(Stack):
    """One webhook whose messages leave by real channels."""

    def __init__(self, store: Store, clock: FakeClock, settings: Config) -> None:
        super().__init__(store, clock, settings)
        self.channels = {name: self.make(name, block) for name, block in settings.channels.items()}
        self.aftercare = Aftercare(self.parts)
        self.web: FlaskClient = public_app(self.parts).test_client()

    def make(self, name: str, block: ChannelBlock) -> Any:
        context = ChannelContext(name, PUBLIC_URL, self.random, self.clock.now)
        return CHANNELS.get(channel_type(block)).make(block, context)

    def collect(self) -> None:
        """Providers keep what was sent."""

    def after(self, *, seconds: float) -> None:
        """Let time pass, the engine work, and messages be followed."""
        self.fast_forward(seconds=seconds)
        while self.aftercare.turn():
            self.settle()

    def incident(self, number: int = 1) -> Incident:
        found = self.store.read(lambda tx: incidents.get(tx, number))
        assert found is not None
        return found

    def told(self, number: int = 1) -> list[str]:
        """The timeline's texts."""
        return [event.text for event in self.store.read(lambda tx: incidents.timeline(tx, number))]


def person(name: str, *contacts: tuple[str, str]) -> PersonBlock:
    return PersonBlock(name=name, contacts=tuple(ContactBlock(channel=c, address=a) for c, a in contacts))


def settings(channels: Mapping[str, ChannelBlock], people: Mapping[str, PersonBlock], **changes: Any) -> Config:
    """People who are paged in two steps, ten minutes apart, in their order."""
    return config(channels=dict(channels), people=dict(people), **changes)


def values(texts: Sequence[str], having: str) -> list[str]:
    """Those texts that hold these words."""
    return [text for text in texts if having in text]
