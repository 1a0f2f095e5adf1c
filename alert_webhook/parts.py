"""What the web pages, the intake and the engine share; put together in `app`."""

from collections.abc import Callable, Mapping

from msgspec import Struct

from alert_webhook.config import Config
from alert_webhook.delivery.channel import Channel
from alert_webhook.store.database import Store
from heronwatch.clock import Clock


def uncounted(_channel: str) -> None:
    """Count nothing."""


def unseen(_channel: str, _reason: str) -> None:
    """Count nothing."""


class Parts(Struct, frozen=True, kw_only=True):
    """The parts of one process. `settings` returns the configuration in force, which a reload replaces."""

    store: Store
    clock: Clock
    settings: Callable[[], Config]
    random: Callable[[int], bytes]  # n random bytes
    wake: Callable[[], None]  # tells the engine that something may be due
    failpoint: Callable[[str], None]  # tests stop the process here
    public_url: str  # where ack links lead, no trailing slash; "" if nowhere
    channels: Callable[[], Mapping[str, Channel]] = dict  # those in force, by their key in the configuration
    callback_refused: Callable[[str], None] = uncounted  # counts a callback that was not believed, by its channel
    template_failed: Callable[[str, str], None] = unseen  # counts a template that failed, by channel and reason
