"""What a good configuration means, for `detector check`."""

from collections.abc import Iterator
from typing import Any

import msgspec

from anomaly_detector.config import Config
from anomaly_detector.plan import QueryPlan, plans
from anomaly_detector.scoring.calendar import Calendar
from heronwatch.values import Duration


def as_builtins(config: Config) -> dict[str, Any]:
    """Return queries, with step and models, where is read and written, and what concerns all, as plain values."""
    return {
        "reader": str(config.reader.datasource_url),
        "writers": [str(target.datasource_url) for target in config.writer.targets],
        "queries": [_query(plan) for plan in plans(config)],
        **_about_all(config),
    }


def as_text(config: Config) -> str:
    """Return the same for people."""
    told = as_builtins(config)
    lines = [f"reads   {told['reader']}"]
    lines += [f"writes  {url}" for url in told["writers"]] or [
        "writes  nothing: scrape /scores with honor_labels: true"
    ]
    for query in told["queries"]:
        pages = ", may page" if query["page"] else ""
        lines.append(f"query   {query['query']}: every {query['step']}, by {', '.join(query['models'])}{pages}")
    return "\n".join(lines + [f"{name:<7} {words}" for name, words in _lines(config)])


def _about_all(config: Config) -> dict[str, Any]:
    """Return what concerns all queries, as plain values."""
    settings = config.settings
    return {
        "state_dir": None if settings.state_dir is None else str(settings.state_dir),
        "timezone": settings.timezone,
        "calendar": msgspec.to_builtins(settings.calendar),
        "shard": msgspec.to_builtins(settings.shard),
        "lease_file": None if settings.lease_file is None else str(settings.lease_file),
        "standby": settings.standby,
        "groups": None if config.groups is None else {"device": config.groups.device, "site": config.groups.site},
        "budget": {"per_week": config.budget.per_week, "teams": msgspec.to_builtins(config.budget.teams)},
        "marks": _markers(config),
        "feedback": config.feedback is not None,
    }


def _lines(config: Config) -> Iterator[tuple[str, str]]:
    """Yield name and words of what concerns all queries; what is left out and usual is not named."""
    settings = config.settings
    yield "state", str(settings.state_dir) if settings.state_dir else "none: what was learnt ends with the process"
    yield "days", settings.timezone + (f", free {_free(settings.calendar)}" if settings.calendar else "")
    if settings.shard:
        by = f" by {', '.join(settings.shard.by)}" if settings.shard.by else ""
        yield "shard", f"{settings.shard.number} of {settings.shard.count} (counted from 0){by}"
    if settings.standby:
        yield "standby", "never writes"
    elif settings.lease_file:
        yield "lease", f"{settings.lease_file}: of those with it one writes"
    if config.groups is None:
        yield "groups", "none: single series notify"
    else:
        yield "groups", f"devices by {config.groups.device}, sites by {config.groups.site}"
        yield "budget", _a_week(config.budget.per_week)
    for name, team in config.budget.teams.items() if config.groups else ():
        yield "budget", f"{_a_week(team.per_week)}: team {name} with {', '.join(team.queries)}"
    for marker in _markers(config):
        yield "marks", marker
    if config.feedback:
        yield "people", "say what alarms were, by HTTP with a token"


def _free(calendar: Calendar) -> str:
    count = len(calendar.holidays)
    holidays = f"{count} holiday{'s' if count > 1 else ''}" if count else ""
    return ", ".join(part for part in (" ".join(calendar.free_weekdays), holidays) if part)


def _a_week(per_week: float) -> str:
    return f"{per_week:g} notifications a week for each 1,000 devices"


def _markers(config: Config) -> list[str]:
    """Return who is asked for marks."""
    if config.marks is None:
        return []
    webhook = [f"webhook {config.marks.webhook.url}"] if config.marks.webhook else []
    return webhook + [f"Alertmanager {one.url}" for one in config.marks.alertmanagers]


def _query(plan: QueryPlan) -> dict[str, Any]:
    return {
        "query": plan.alias,
        "step": str(Duration(plan.step_s)),
        "models": [f"{lane.alias} ({lane.model})" for lane in plan.lanes],
        "series": list(plan.query.provide_series),
        "page": plan.query.page,
    }
