"""What `check` says about schedules: when nobody is on call, and which schedules nobody uses. Pure."""

from collections.abc import Iterator

from alert_webhook.config import Config
from alert_webhook.oncall.naming import schedule_of
from alert_webhook.oncall.schedule import Schedule, gaps

AHEAD_DAYS = 30
DAY_S, HOUR_S = 86_400.0, 3600.0


def warnings(config: Config, schedules: dict[str, Schedule], now: float) -> Iterator[str]:
    """Yield a line for each schedule with gaps in the next 30 days, and for each that no policy names."""
    used = {schedule_of(who) for policy in config.policies.values() for step in policy.steps for who in step.notify}
    for name, schedule in schedules.items():
        if name not in used:
            yield f"schedules.{name} is named by no policy (notify: [schedule:{name}])"
        found = gaps(schedule, now, now + AHEAD_DAYS * DAY_S)
        if found:
            hours = sum(gap.end - gap.start for gap in found) / HOUR_S
            first = f"from {schedule.zone.shown(found[0].start)} to {schedule.zone.shown(found[0].end)}"
            more = f", and {len(found) - 1} more gap(s)" if len(found) > 1 else ""
            yield f"schedules.{name}: nobody is on call {first}{more}; {hours:.0f} h in the next {AHEAD_DAYS} days"
