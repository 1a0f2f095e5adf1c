"""Shadow mode in a real process: it stands beside the tool in use, reads its calendar by URL, and calls nobody."""

import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import requests

from tests.fakes.daemons import wait_until
from tests.fakes.http_provider import answering, http
from tests.fakes.raw_server import raw_server
from tests.fakes.webhook_process import TOKEN, Sink, webhook, write_config

TODAY = datetime.now(UTC)
CALENDAR = (
    "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nSUMMARY:ana\r\n"
    f"DTSTART;VALUE=DATE:{TODAY:%Y%m}01\r\nRRULE:FREQ=DAILY\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
).encode()
SCHEDULE = """
schedules:
  network:
    time_zone: UTC
    calendars:
      rota: {{url: "http://127.0.0.1:{port}/private/basic.ics", allowed_networks: [127.0.0.0/8]}}
"""
FRESH = "heronwatch_webhook_calendars_stale 0.0"


def test_who_is_on_call_by_a_calendar_would_have_been_paged_and_is_not(tmp_path: Path) -> None:
    with Sink() as sink, raw_server(answering(lambda _request: http(200, CALENDAR))) as source:
        config = write_config(tmp_path, sink.url)
        text = config.read_text().replace("policy: default}", "policy: default, mode: shadow}")
        config.write_text(text.replace("[ana]", '["schedule:network"]') + SCHEDULE.format(port=source.port))
        with webhook(config) as daemon:
            wait_until(lambda: FRESH in requests.get(f"{daemon.url}/metrics", timeout=20).text, timeout_s=30)
            labels = {"alertname": "LinkDown", "severity": "critical"}
            starts = datetime.fromtimestamp(time.time(), UTC).isoformat()
            alert = {"status": "firing", "labels": labels, "annotations": {}, "startsAt": starts}
            body = {"version": "4", "groupKey": "g", "groupLabels": {}, "alerts": [alert]}
            url = f"{daemon.url}/api/v1/intake/alertmanager/am"
            headers = {"Authorization": f"Bearer {TOKEN}"}
            assert requests.post(url, json=body, headers=headers, timeout=20).status_code == 200
            command = [sys.executable, "-m", "heronwatch", "webhook", "shadow", "--day", "today", "--json"]
            env = {"INTAKE_TOKEN": TOKEN, "PYTHONPATH": str(Path(__file__).parents[3])}

            def told() -> list[str]:
                asked = [*command, "--config.file", str(config)]
                done = subprocess.run(asked, env=env, capture_output=True, text=True, timeout=50, check=True)
                return done.stdout.splitlines()

            wait_until(lambda: bool(told()), timeout_s=30)
            (message,) = [json.loads(line) for line in told()]
        assert (message["person"], message["title"], message["severity"]) == ("ana", "LinkDown", "critical")
        assert sink.received == []
