"""What the blocks about the webhook's own health must get right with the rest of the configuration."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from heronwatch.faults import quoted
from heronwatch.words import hint

if TYPE_CHECKING:
    from alert_webhook.config import Config


def faults(config: "Config") -> Iterable[tuple[str, str]]:
    """Return every name in these blocks that refers to nothing."""
    if config.health.operator:
        yield from _known("health.operator", config.health.operator, config.policies, "policies")
    for number, name in enumerate(config.health.emergency):
        yield from _known(f"health.emergency[{number}]", name, config.people, "people")
    for name in config.health.watchdogs:
        yield from _known(f"health.watchdogs.{name}", name, config.integrations, "integrations")
    for name, schedule in config.schedules.items():
        if schedule.shift_test is not None:
            yield from _known(
                f"schedules.{name}.shift_test.alarm", schedule.shift_test.alarm, config.policies, "policies"
            )


def warnings(config: "Config") -> Iterable[str]:
    """Return what nobody would be told about the webhook itself."""
    if not config.health.operator:
        yield "health.operator is not set: nobody is paged when a provider refuses us or an integration goes silent"
    elif not config.health.watchdogs:
        yield "health.watchdogs is empty: an Alertmanager that no longer reaches us is noticed by nobody here"
    if not config.health.emergency:
        yield "health.emergency is not set: nobody is told by us when the database is away, full or read-only"
    if config.health.heartbeat is None:
        yield "health.heartbeat is not set: nobody outside notices when this webhook stops"


def _known(path: str, name: str, known: Iterable[str], where: str) -> Iterable[tuple[str, str]]:
    if name not in known:
        yield path, f"{quoted(name)} is not in {where}{hint(name, sorted(known))}"
