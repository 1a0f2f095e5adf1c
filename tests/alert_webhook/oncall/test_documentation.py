"""What docs/webhook/on-call.md shows loads and means what it says; what was kept before still reads."""

import re
from datetime import datetime
from pathlib import Path

from alert_webhook.config import Config
from alert_webhook.escalation.policy import Policy
from alert_webhook.oncall.schedule import Override, gaps, on_call
from alert_webhook.oncall.wall import WallTime, Zone
from alert_webhook.store.statements import from_json, json_text
from heronwatch.config import loads

PAGE = Path(__file__).parents[3] / "docs" / "webhook" / "on-call.md"
REST = """
version: 1
database: {sqlite: webhook.db}
integrations: {main: {tokens: [{env: TOKEN}], policy: default}}
channels:
  sms: {type: webhook, url: "https://hooks.example.org/sms"}
  mail: {type: webhook, url: "https://hooks.example.org/mail"}
"""
OTHERS = "".join(f"  {name}: {{contacts: [{{channel: sms}}]}}\n" for name in ("ben", "cleo", "dan", "eva", "lead"))
MADRID = Zone("Europe/Madrid")


def documented() -> Config:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    text = example.replace("\npeople:\n", f"\npeople:\n{OTHERS}")
    text = re.sub(r"address: [^}]+", "address: ''", text)
    return loads(REST + text, Config, env={"TOKEN": "0123456789abcdef0123456789abcdef"}).value


def test_the_example_loads_and_has_no_gap() -> None:
    schedule = documented().rotas()["network"]
    begin = MADRID.instant(datetime.fromisoformat("2026-01-01"))
    assert gaps(schedule, begin, begin + 366 * 86_400) == []


def test_the_example_means_what_it_says() -> None:
    schedule = documented().rotas()["network"]

    def who(text: str) -> str:
        return on_call(schedule, MADRID.instant(datetime.fromisoformat(text))).person

    assert [who(f"2026-01-{day} 12:00") for day in ("05", "12", "19", "26")] == ["ana", "ben", "cleo", "ana"]
    assert {who("2026-01-05 20:00"), who("2026-01-06 20:00")} == {"dan", "eva"}
    assert schedule.overrides[0] == Override(
        "eva",
        MADRID.instant(WallTime(2026, 12, 24, 9)),
        MADRID.instant(WallTime(2026, 12, 27, 9)),
        "ben",
    )


def test_a_snapshot_of_the_version_before_still_reads() -> None:
    before = '{"name":"p","steps":[{"after_s":0.0,"notify":["ana"]}],"repeat":1,"exhausted_after_s":600.0}'
    policy = from_json(before, Policy)
    assert (policy.steps[0].notify, policy.steps[0].round_robin, policy.steps[0].when) == (("ana",), False, None)


def test_a_snapshot_is_read_as_it_was_written() -> None:
    policy = documented().policies["default"].snapshot("default")
    assert from_json(json_text(policy), Policy) == policy
