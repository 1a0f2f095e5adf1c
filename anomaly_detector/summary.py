"""What a good configuration means, for `detector check`."""

from typing import Any

from anomaly_detector.config import Config
from anomaly_detector.plan import QueryPlan, plans
from heronwatch.values import Duration


def as_builtins(config: Config) -> dict[str, Any]:
    """Return queries, with step and models, and where is read and written, as plain values for JSON."""
    return {
        "reader": str(config.reader.datasource_url),
        "writers": [str(target.datasource_url) for target in config.writer.targets],
        "queries": [_query(plan) for plan in plans(config)],
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
    return "\n".join(lines)


def _query(plan: QueryPlan) -> dict[str, Any]:
    return {
        "query": plan.alias,
        "step": str(Duration(plan.step_s)),
        "models": [f"{lane.alias} ({lane.model})" for lane in plan.lanes],
        "series": list(plan.query.provide_series),
        "page": plan.query.page,
    }
