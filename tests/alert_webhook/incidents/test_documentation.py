"""What docs/webhook/incidents.md shows loads, means what it says, and its table is the table."""

import re
from pathlib import Path

from alert_webhook.config import DEFAULT_SEVERITIES, Config
from alert_webhook.incidents.transitions import OPEN, TRANSITIONS, Trigger
from heronwatch.config import loads

PAGE = Path(__file__).parents[3] / "docs" / "webhook" / "incidents.md"
REST = """
version: 1
database: {sqlite: webhook.db}
integrations:
  main:
    tokens: [{env: TOKEN}]
    policy: plant
    alertmanager: {urls: ["http://127.0.0.1:9093"]}
prometheus: {url: "http://127.0.0.1:9090"}
people: {ana: {contacts: [{channel: hook}]}}
schedules: {network: {time_zone: UTC, layers: [{people: [ana]}]}}
channels: {hook: {type: webhook, url: "https://hooks.example.org/x"}}
"""
COLUMNS = [
    Trigger.STEP_PAGED, Trigger.EXHAUSTED, Trigger.ACKNOWLEDGED, Trigger.ACK_ENDED, Trigger.HANDED_ON,
    Trigger.WORSENED, Trigger.SUPPRESSED, Trigger.RELEASED, Trigger.RESOLVED, Trigger.EXPIRED,
]  # fmt: skip


def documented() -> Config:
    examples = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return loads(REST + "".join(examples), Config, env={"TOKEN": "0123456789abcdef0123456789abcdef"}).value


def test_the_examples_load_together() -> None:
    config = documented()
    assert [window.title for window in config.maintenance_windows()] == ["core-upgrade", "backups"]
    assert config.policies["plant"].snapshot("plant").page_after == {"warning": 900.0, "high": 0.0}


def test_the_severities_shown_are_the_defaults() -> None:
    assert documented().severities == DEFAULT_SEVERITIES


def test_the_table_of_states_is_the_table_of_transitions() -> None:
    rows = re.findall(r"^\| (new|escalated|critical|acknowledged|suppressed) \|(.*)\|$", PAGE.read_text(), re.MULTILINE)
    shown = {(state, COLUMNS[n]): cell.strip() for state, cells in rows for n, cell in enumerate(cells.split("|"))}
    meant = {(state, trigger): str(TRANSITIONS.get((state, trigger), "")) for state in OPEN for trigger in Trigger}
    assert shown == meant
