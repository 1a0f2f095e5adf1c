"""Channels as the outbox uses them while an integration is in shadow: they take its messages and contact nobody."""

from collections.abc import Callable, Mapping

from alert_webhook.config import Config
from alert_webhook.delivery.channel import Channel, Message, Outcome, Receipt

REFERENCE = "shadow"  # in place of a provider's: by it a report finds what was not sent
TAKEN = Receipt(REFERENCE, "shadow mode: nobody was contacted")


class ShadowedChannels:
    """Calling it returns the channels in force, by their key in the configuration."""

    def __init__(self, settings: Callable[[], Config], channels: Callable[[], Mapping[str, Channel]]) -> None:
        self._settings = settings
        self._channels = channels

    def __call__(self) -> dict[str, Channel]:
        """Return the channels in force."""
        return {name: _ShadowedChannel(channel, self.in_shadow) for name, channel in self._channels().items()}

    def in_shadow(self, integration: str) -> bool:
        """Say whether messages about this integration's incidents are kept back."""
        found = self._settings().integrations.get(integration)
        return found is not None and found.mode == "shadow"


class _ShadowedChannel:
    """One channel."""

    def __init__(self, channel: Channel, in_shadow: Callable[[str], bool]) -> None:
        self._channel = channel
        self._in_shadow = in_shadow

    def send(self, message: Message) -> Outcome:
        """Hand over the message, or keep it back."""
        return TAKEN if self._in_shadow(message.incident.integration) else self._channel.send(message)

    def close(self) -> None:
        """Release connections."""
        self._channel.close()
