"""Channels and their gate as the outbox uses them: what is in shadow is taken, contacts nobody, counts for nothing."""

from collections.abc import Callable, Mapping

from alert_webhook.delivery.channel import Channel, Decision, Gate, Message, Outcome, Receipt

REFERENCE = "shadow"  # in place of a provider's: by it a report finds what was not sent
NOT_SENT = "shadow mode: nobody was contacted"
TAKEN = Receipt(REFERENCE, NOT_SENT)


class ShadowedChannels:
    """Calling it returns the channels in force, by their key in the configuration."""

    def __init__(self, channels: Callable[[], Mapping[str, Channel]]) -> None:
        self._channels = channels

    def __call__(self) -> dict[str, Channel]:
        """Return the channels in force."""
        return {name: _ShadowedChannel(channel) for name, channel in self._channels().items()}


class _ShadowedChannel:
    """One channel."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def send(self, message: Message) -> Outcome:
        """Hand over the message, or keep it back."""
        return TAKEN if message.shadow else self._channel.send(message)

    def close(self) -> None:
        """Release connections."""
        self._channel.close()


class ShadowedGate:
    """A gate that learns nothing from what was kept back, and holds none of it up."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def ask(self, message: Message, recent: tuple[float, ...], now: float) -> Decision:
        """Decide about one message."""
        if message.shadow:
            return Decision(send=True)
        return self._gate.ask(message, recent, now)

    def tell(self, channel: str, outcome: Outcome, now: float) -> None:
        """Learn how an attempt ended, if there was one."""
        if outcome != TAKEN:
            self._gate.tell(channel, outcome, now)
