"""`heronwatch webhook route` and what `check` says about schedules, as people start them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from alert_webhook.administration import Terminal
from alert_webhook.config import Config
from alert_webhook.escalation.asked import parse_labels, parse_time
from alert_webhook.incidents.ingest import ingest
from alert_webhook.incidents.labels import LabelMatch
from alert_webhook.incidents.rules import rules_for
from alert_webhook.incidents.transitions import OPEN
from alert_webhook.incidents.windows import MaintenanceWindow
from alert_webhook.intake.update import AlertUpdate, Delivery, Status
from alert_webhook.oncall.schedule import Override
from alert_webhook.oncall.wall import Zone
from alert_webhook.route_command import Asked, route
from alert_webhook.store import maintenance, overrides, views
from alert_webhook.store.migrating import migrate
from alert_webhook.store.opening import open_store, sqlite_engine
from heronwatch.clock import SystemClock
from heronwatch.config import load
from tests.fakes.webhook_process import TOKEN

CONFIG = """
version: 1
database: {sqlite: webhook.db}
integrations:
  main: {tokens: [{env: INTAKE_TOKEN}], policy: default}
people:
  ana: {contacts: [{channel: hook}]}
  ben: {contacts: [{channel: hook}]}
policies:
  default:
    steps:
      - {notify: ["schedule:network"]}
      - {after: 10m, notify: [ben], when: {severities: [critical]}}
  power: {steps: [{notify: [ben]}]}
routes:
  - {match: {domain: power}, policy: power}
schedules:
  network:
    time_zone: Europe/Madrid
    layers:
      - {name: nights, people: [ben], only: [{from: "22:00", to: "06:00"}]}
      - {name: days, people: [ana], only: [{from: "06:00", to: "22:00"}]}
channels:
  hook: {type: webhook, url: "https://hooks.example.org/x"}
"""
ON_CALL = "ben/hook (ben is on call in network, layer nights)"
ENV = {**os.environ, "INTAKE_TOKEN": TOKEN}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "webhook.yml").write_text(CONFIG)
    return tmp_path


def run(folder: Path, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "heronwatch", "webhook", command, "--config.file", "webhook.yml", *arguments]
    return subprocess.run(line, env=ENV, cwd=folder, capture_output=True, text=True, timeout=40, check=False)


def test_route_says_who_when_and_why(folder: Path) -> None:
    done = run(folder, "route", '{alertname="LinkDown", severity="critical"}', "--at", "2026-12-24T03:00+01:00")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "Thu 2026-12-24 03:00 CET (Europe/Madrid), integration main",
        "severity critical (the label severity): page, all contacts at once unless their rules say otherwise",
        "policy default (the policy of integration main); if nobody answers:",
        f"  Thu 2026-12-24 03:00 CET  +0 min  step 1 of policy default pages {ON_CALL}",
        "  Thu 2026-12-24 03:10 CET  +10 min  step 2 of policy default pages ben/hook",
        "  Thu 2026-12-24 03:20 CET  +20 min  the last step went unanswered",
    ]
    assert not (folder / "webhook.db").exists()  # it asks, and makes nothing


def test_route_as_json_with_a_wall_time_and_a_route(folder: Path) -> None:
    arguments = ('{"domain": "power"}', "--at", "2026-12-24 12:00", "--time-zone", "Asia/Kathmandu", "--json")
    told = json.loads(run(folder, "route", *arguments).stdout)
    assert (told["policy"], told["policy_why"], told["at"]) == ("power", "routes[0], domain=power", 1798092900.0)
    assert told["severity_why"] == "default_severity: there is no label severity"
    assert told["steps"][0]["pages"][0]["person"] == "ben"


def test_route_knows_overrides_of_the_database(folder: Path) -> None:
    engine = sqlite_engine(folder / "webhook.db")
    migrate(engine)
    store = open_store(engine, SystemClock())
    mine = Override("ana", 1798076400.0, 4e9)
    store.write(lambda tx: overrides.add(tx, "network", mine, who="maria"), "test")
    store.close()
    done = run(folder, "route", "severity=high", "--at", "2026-12-24T03:00+01:00")
    assert "ana is on call in network, override by maria" in done.stdout
    assert "step 2 does not apply: for critical only" in done.stdout


def test_route_says_when_nobody_is_paged(folder: Path) -> None:
    digest, config = "severity warning (the label severity): digest", folder / "webhook.yml"
    assert run(folder, "route", "severity=warning").stdout.splitlines()[1:] == [
        digest,
        "nobody is paged: it is in the list of incidents, and told of nowhere: no digest is configured",
    ]
    config.write_text(CONFIG + "digests: {daily: {notify: [ana], time_zone: UTC}}\n")
    assert run(folder, "route", "severity=warning").stdout.splitlines()[1:] == [
        digest,
        "nobody is paged: it is told of in the next digest",
    ]
    assert run(folder, "route", "severity=INFO").stdout.splitlines()[1:] == [
        "severity info (the label severity): context",
        "nobody is paged: it is named in the pages of incidents beside it",
    ]


@pytest.mark.parametrize(
    ("zone", "first"),
    [("Europe/Madrid", "Thu 2026-12-24 03:00 CET (Europe/Madrid), "), ("UTC", "Thu 2026-12-24 02:00 UTC, ")],
)
def test_route_says_times_in_the_zone_of_the_configuration(folder: Path, zone: str, first: str) -> None:
    text = CONFIG.partition("schedules:")[0].replace("schedule:network", "ben")
    text += f"channels:{CONFIG.partition('channels:')[2]}time_zone: {zone}\n"
    (folder / "webhook.yml").write_text(text)
    done = run(folder, "route", "severity=critical", "--at", "2026-12-24T03:00+01:00")
    assert done.stdout.startswith(f"{first}integration main"), done


def test_check_warns_about_severities_that_reach_nobody_and_the_place_of_the_file(folder: Path) -> None:
    config, unheard = folder / "webhook.yml", "alerts of severity warning reach nobody"
    said = run(folder, "check").stderr
    assert unheard in said
    assert "database.sqlite" not in said
    digests = "digests: {daily: {notify: [ana], time_zone: UTC}}\n"
    config.write_text(CONFIG.replace("webhook.db", "not/there/webhook.db") + digests)
    said = run(folder, "check").stderr
    assert unheard not in said
    assert "warning: database.sqlite: the folder " in said
    assert "/not/there is not there" in said


HELD = """
suppression: {parents: {sw1: [core]}}
maintenance:
  power-works: {match: {site: north}, time_zone: UTC, from: 2026-12-24 00:00, to: 2026-12-24 06:00}
"""


def test_route_names_what_would_hold_it_back(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Maintenance of the file and of the database, a parent that is down, and what would be down."""
    (folder / "webhook.yml").write_text(CONFIG + HELD)
    engine = sqlite_engine(folder / "webhook.db")
    migrate(engine)
    store = open_store(engine, SystemClock())
    made = MaintenanceWindow(id=0, title="roof", match=LabelMatch({"site": "south"}), start_at=0.0, end_at=4e9)
    store.write(lambda tx: maintenance.add(tx, made), "test")
    monkeypatch.setenv("INTAKE_TOKEN", TOKEN)
    config = load([str(folder / "webhook.yml")], Config).value
    rules = rules_for(config, "main", config.integrations["main"])

    def at(labels: str) -> list[str]:
        return run(folder, "route", labels, "--at", "2026-12-24T03:00Z").stdout.splitlines()[2:]

    north = at("severity=critical,site=north")
    assert north[:2] == [
        "nobody is paged: maintenance power-works until Thu 2026-12-24 07:00 CET; what still fires then pages",
        "without that: policy default (the policy of integration main); if nobody answers:",
    ]
    assert at("severity=critical,site=south")[0].startswith("nobody is paged: maintenance roof until ")
    assert "note: it pages nobody while core is down, which it hangs from" in at("severity=critical,instance=sw1")
    assert not [line for line in at("severity=critical,instance=core") if "nobody is paged" in line or "note" in line]
    labels = {"alertname": "DeviceDown", "severity": "high", "instance": "core"}
    nothing = {"annotations": {}, "starts_at_ns": None, "ends_at_ns": None, "generator_url": ""}
    down = AlertUpdate(fingerprint="f", status=Status.FIRING, labels=labels, **nothing)
    store.write(lambda tx: ingest(tx, Delivery(updates=(down,)), rules, os.urandom), "test")
    (code,) = store.read(lambda tx: [each.code for each in views.incident_list(tx, states=OPEN)])
    store.close()
    assert at("severity=critical,instance=sw1")[0] == (
        f"nobody is paged: core is down, part of {code}, as it is now; what still fires after that pages"
    )


def test_route_says_that_shadow_mode_contacts_nobody_and_whose_quiet_hours_hold(folder: Path) -> None:
    quiet = 'time_zone: UTC, quiet_hours: {from: "01:00", to: "07:00", severities: [high]}'
    text = CONFIG.replace("policy: default}", "policy: default, mode: shadow}")
    (folder / "webhook.yml").write_text(
        text.replace("ben: {contacts: [{channel: hook}]}", f"ben: {{contacts: [{{channel: hook}}], {quiet}}}")
    )
    said = run(folder, "route", "severity=high,domain=power", "--at", "2026-12-24T03:00Z").stdout.splitlines()
    assert said[2] == "nobody is paged: integration main is in shadow mode"
    assert "note: hours of quiet of ben: what is due waits until Thu 2026-12-24 08:00 CET" in said
    told = json.loads(run(folder, "route", "severity=high", "--at", "2026-12-24T03:00Z", "--json").stdout)
    assert told["held"] == [{"why": "integration main is in shadow mode", "until": None, "now": False}]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("severity=high", "at", "yesterday"), "'yesterday' is not a time (2026-12-24T03:00+01:00)"),
        (("severity=high", "at", "2026-12-24T03:00"), "whose time?"),
        (("severity=high", "time_zone", "Madrid"), "'Madrid' is not a time zone"),
        (("severity=high", "integration", "x"), "'x' is not in integrations (main)"),
        (("severity==high",), "is not a label"),
        (('{"severity": 1}',), "labels in JSON are one object whose values are texts"),
    ],
)
def test_route_says_what_is_wrong_with_the_question(
    folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], words: str
) -> None:
    monkeypatch.setenv("INTAKE_TOKEN", TOKEN)
    said: list[str] = []
    asked = Asked(labels=arguments[0], **dict(zip(arguments[1::2], arguments[2::2], strict=True)))
    status = route([str(folder / "webhook.yml")], asked, Terminal(say=said.append, warn=said.append))
    assert (status, len(said), words in said[0]) == (2, 1, True), said


def test_check_warns_of_gaps_and_of_schedules_that_nobody_asks(folder: Path) -> None:
    config = folder / "webhook.yml"
    gap = CONFIG.replace('from: "06:00", to: "22:00"', 'from: "08:00", to: "22:00"').replace(
        'notify: ["schedule:network"]', "notify: [ana]"
    )
    config.write_text(gap)
    done = run(folder, "check")
    assert done.returncode == 0
    assert done.stdout == "ok: 1 integration(s), 2 person(s), 2 policy(s), 1 channel(s), 1 schedule(s)\n"
    assert "warning: schedules.network: nobody is on call from " in done.stderr
    assert "60 h in the next 30 days" in done.stderr
    assert "warning: schedules.network is named by no policy" in done.stderr


def test_check_reads_calendars(folder: Path) -> None:
    (folder / "webhook.yml").write_text(
        CONFIG.replace("    layers:", "    calendars: {swaps: {file: swaps.ics}, gone: {file: gone.ics}}\n    layers:")
    )
    (folder / "swaps.ics").write_text(
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:zoe\nDTSTART:20990101T080000Z\nEND:VEVENT\nEND:VCALENDAR\n"
    )
    done = run(folder, "check")
    assert "schedules.network.calendars.gone" in done.stderr
    assert "No such file" in done.stderr


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ('{a="b"}', {"a": "b"}),
        ("a=b,c=d", {"a": "b", "c": "d"}),
        ('{a="x,y=\\"z\\"}",}', {"a": 'x,y="z"}'}),
        ('{a="1\\n2\\\\"}', {"a": "1\n2\\"}),
        ("{}", {}),
        ("", {}),
        ('{"a": "b"}', {"a": "b"}),
    ],
)
def test_labels_are_read_as_promql_or_json_writes_them(text: str, labels: dict[str, str]) -> None:
    assert parse_labels(text) == labels


@pytest.mark.parametrize("text", ["a", "{a}", '{a="b', 'a=~"b"', "1a=b", "a=b c=d", '{"a":'])
def test_what_are_no_labels(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a label|not JSON"):
        parse_labels(text)


def test_no_time_is_now() -> None:
    assert parse_time("", zone=None, now=5.0) == 5.0
    assert parse_time("1970-01-01T01:00", zone=Zone("Europe/Berlin"), now=5.0) == 0.0
