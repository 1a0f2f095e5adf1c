"""Reads what the demo wants to know from the running parts' own APIs: Prometheus, Alertmanager, the ack page."""

import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

TIMEOUT_S = 15
BODY_LIMIT = 16 * 1024 * 1024
ACK_LINK = re.compile(r"https?://\S+/a/[\w~-]+")
POLL_S = 0.5


def fetch(url: str, *, form: dict[str, str] | None = None, bearer: str | None = None) -> tuple[int, str]:
    """GET a URL, or POST a form to it; returns (status, body), status 0 when nobody answers."""
    request = urllib.request.Request(url, data=urllib.parse.urlencode(form).encode() if form is not None else None)
    if bearer:
        request.add_header("Authorization", f"Bearer {bearer}")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            return answer.status, answer.read(BODY_LIMIT).decode(errors="replace")
    except urllib.error.HTTPError as exc:
        return exc.code, exc.read(BODY_LIMIT).decode(errors="replace")
    except (urllib.error.URLError, OSError):
        return 0, ""


class Prometheus:
    """Instant queries of a Prometheus server."""

    def __init__(self, url: str) -> None:
        self._url = url

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Return (labels, value) of each series; empty when there is none or no answer."""
        status, body = fetch(f"{self._url}/api/v1/query?{urllib.parse.urlencode({'query': expression})}")
        if status != 200:
            return []
        result: list[dict[str, Any]] = json.loads(body)["data"]["result"]
        return [(row["metric"], float(row["value"][1])) for row in result]


def alertmanager_has(url: str, alertname: str) -> bool:
    """Say whether Alertmanager holds an active alert of that name."""
    query = urllib.parse.urlencode({"filter": f'alertname="{alertname}"', "active": "true"})
    status, body = fetch(f"{url}/api/v2/alerts?{query}")
    return status == 200 and bool(json.loads(body))


def ack_link(text: str) -> str | None:
    """Return the acknowledgement link in a message's text."""
    found = ACK_LINK.search(text)
    return found.group(0) if found else None


def acknowledge(link: str) -> tuple[int, str]:
    """Do what a person does: open the page, press the button "Acknowledge"; returns (status, page)."""
    status, page = fetch(link)
    if status != 200:
        return status, page
    form = _Forms()
    form.feed(page)
    fields = next((fields for fields in form.forms if fields.get("action") in ("ack", "acknowledge")), None)
    if fields is None:
        return 0, "no acknowledge button on the page"
    return fetch(urllib.parse.urljoin(link, fields.pop("@target", "") or link), form=fields)


class _Forms(HTMLParser):
    """Collects each form's fields and, for each submit button, what pressing it would send."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[dict[str, str]] = []
        self._fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._fields = {"@target": values.get("action", "")}
        elif tag == "input" and values.get("type") == "hidden" and "name" in values:
            self._fields[values["name"]] = values.get("value", "")
            if values["name"] == "action":
                self.forms.append(dict(self._fields))
        elif tag == "button":
            pressed = {values["name"]: values.get("value", "")} if "name" in values else {}
            self.forms.append({**self._fields, **pressed})


def wait_until(check: Callable[[], bool], deadline: float) -> bool:
    """Poll until the check holds (True) or the monotonic deadline passes (False)."""
    while not check():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True
