"""The configuration in force and the channels made from it; a reload replaces both at once, or nothing."""

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from alert_webhook.config import Config
from alert_webhook.config_checks import channel_type
from alert_webhook.delivery.channel import Channel, ChannelContext
from alert_webhook.delivery.registry import CHANNELS
from heronwatch.config import Loaded, load
from heronwatch.errors import ConfigError, PluginError


class Generation(Struct, frozen=True):
    """One configuration and its channels."""

    loaded: Loaded[Config]
    channels: Mapping[str, Channel]


class LiveConfig:
    """Holds the generation in force. Old channels are closed by `close_retired`, once nobody uses them."""

    def __init__(
        self,
        files: Sequence[str | Path],
        make: Callable[[Loaded[Config]], Mapping[str, Channel]],
        loaded: Loaded[Config],
    ) -> None:
        """Make the first generation; ConfigError when a channel cannot be made."""
        self._files = files
        self._make = make
        self._lock = threading.Lock()
        self._generation = Generation(loaded, make(loaded))
        self._retired: list[Channel] = []

    def settings(self) -> Config:
        """Return the configuration in force."""
        return self._generation.loaded.value

    def channels(self) -> Mapping[str, Channel]:
        """Return the channels in force, by their key in the configuration."""
        return self._generation.channels

    def masked(self) -> str:
        """Return the configuration as YAML, secrets masked."""
        return self._generation.loaded.masked()

    def reload(self) -> None:
        """Read the files again; ConfigError leaves everything as it is."""
        with self._lock:
            loaded = load(self._files, Config)
            if loaded.value.database != self.settings().database:
                raise ConfigError([loaded.fault("database", "a change of the database needs a restart")])
            fresh = Generation(loaded, self._make(loaded))
            self._retired += self._generation.channels.values()
            self._generation = fresh

    def close_retired(self) -> None:
        """Close the channels of earlier generations; called while no message is on its way."""
        with self._lock:
            retired, self._retired = self._retired, []
        for channel in retired:
            channel.close()

    def close(self) -> None:
        """Close every channel."""
        self.close_retired()
        for channel in self.channels().values():
            channel.close()


def make_channels(
    loaded: Loaded[Config], *, public_url: str, random: Callable[[int], bytes], now: Callable[[], float]
) -> dict[str, Channel]:
    """Return a channel for each block under `channels`; ConfigError names the one that cannot be made."""
    made: dict[str, Channel] = {}
    for name, block in loaded.value.channels.items():
        context = ChannelContext(name=name, public_url=public_url, random=random, now=now)
        try:
            made[name] = CHANNELS.get(channel_type(block)).make(block, context)
        except (OSError, ValueError, PluginError) as error:
            raise ConfigError([loaded.fault(f"channels.{name}", str(error))]) from error
    return made
