"""`check` says all that a configuration means: what concerns every query, too."""

import json

from anomaly_detector.summary import as_builtins, as_text
from tests.fakes.detector_plans import NOWHERE, config

ALL = """
settings:
  state_dir: /state
  timezone: Europe/Berlin
  calendar: {holidays: ["12-25"]}
  shard: {count: 2, number: 1, by: [site]}
  lease_file: /shared/lease
groups: {device: host}
budget: {per_week: 2.5, teams: {net: {queries: [q], per_week: 1}}}
marks:
  webhook: {url: "http://127.0.0.1:9812", bearer_token: not to be shown}
  alertmanagers: [{url: "http://127.0.0.1:9093"}]
feedback: {bearer_token: neither is this to be shown}
"""


def said(more: str) -> list[str]:
    text = as_text(config(f"reader: {{datasource_url: '{NOWHERE}', queries: {{q: {{expr: up}}}}}}\n{more}"))
    return text.splitlines()[3:]


def test_all_that_is_configured_is_named() -> None:
    assert said(ALL) == [
        "state   /state",
        "days    Europe/Berlin, free sat sun, 1 holiday",
        "shard   1 of 2 (counted from 0) by site",
        "lease   /shared/lease: of those with it one writes",
        "groups  devices by host, sites by site",
        "budget  2.5 notifications a week for each 1,000 devices",
        "budget  1 notifications a week for each 1,000 devices: team net with q",
        "marks   webhook http://127.0.0.1:9812",
        "marks   Alertmanager http://127.0.0.1:9093",
        "people  say what alarms were, by HTTP with a token",
    ]


def test_what_is_missing_is_named_where_it_matters() -> None:
    assert said("groups: null\nsettings: {standby: true}\n") == [
        "state   none: what was learnt ends with the process",
        "days    UTC",
        "standby never writes",
        "groups  none: single series notify",
    ]


def test_scripts_get_the_same_and_no_secret() -> None:
    text = json.dumps(
        as_builtins(config(f"reader: {{datasource_url: '{NOWHERE}', queries: {{q: {{expr: up}}}}}}\n{ALL}"))
    )
    told = json.loads(text)
    assert told["shard"] == {"count": 2, "number": 1, "by": ["site"]}
    assert told["budget"]["teams"] == {"net": {"queries": ["q"], "per_week": 1.0}}
    assert (told["state_dir"], told["standby"], told["feedback"]) == ("/state", False, True)
    assert "to be shown" not in text
