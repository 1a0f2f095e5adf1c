"""The schedules in force: what the configuration says, with calendars and the overrides made since."""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from alert_webhook.config import Config
from alert_webhook.oncall.schedule import Override, Schedule, without_strangers
from alert_webhook.store import overrides
from alert_webhook.store.database import Transaction

PAST_S = 62 * 86_400.0  # how far back "since when" looks at overrides that are over


def current_schedules(tx: Transaction, config: Config, *, since: float | None = None) -> dict[str, Schedule]:
    """Return the schedules with every override that is not over at `since` (now)."""
    if not config.schedules:
        return {}
    stored: dict[str, list[Override]] = {}
    for each in overrides.not_over(tx, tx.now if since is None else since):
        stored.setdefault(each.schedule, []).append(each.override)
    return with_overrides(config, stored)


def with_overrides(config: Config, stored: Mapping[str, Sequence[Override]]) -> dict[str, Schedule]:
    """Return the configuration's schedules with these overrides above its own, none for people who are gone."""
    return {
        name: without_strangers(
            replace(schedule, overrides=(*schedule.overrides, *stored.get(name, ()))), config.people
        )
        for name, schedule in config.rotas().items()
    }
