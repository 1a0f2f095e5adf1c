"""What a person sees of incidents at a glance: which comes first, which pages nobody, and when it was."""

import re
from typing import Literal

import pytest
from flask.testing import FlaskClient
from msgspec.structs import replace

from alert_webhook.config import Integration
from alert_webhook.incidents.blocks import SuppressionBlock
from alert_webhook.oncall.wall import Zone
from alert_webhook.web import listing, markup
from alert_webhook.web.shown import Offer, Reader, Told
from heronwatch.secrets import Secret
from tests.alert_webhook.web.conftest import PASSWORD, both_databases
from tests.alert_webhook.web.sample import sample_view
from tests.fakes.webhook_stack import TOKEN, Stack, config

MADRID = Zone("Europe/Madrid")
MODES: dict[str, Literal["live", "shadow"]] = {"am": "live", "trial": "shadow"}


def titles(page: str) -> list[str]:
    """The titles in the list, from top to bottom."""
    return re.findall(r"<strong>(\w+)", page)


def heard(stack: Stack) -> None:
    """Take every page there is: what they say is another test's."""
    stack.collect()
    stack.unexpected.clear()


@pytest.fixture
def shadowed(stack: Stack) -> str:
    """An incident of an integration in shadow mode; return its code."""
    both = {name: Integration(tokens=(Secret(TOKEN),), policy="default", mode=mode) for name, mode in MODES.items()}
    stack.settings = config(integrations=both)
    stack.post(stack.alert("LinkDown", "critical", 0.0, None, {}), name="trial")
    return str((stack.store.read(lambda tx: listing.sections(tx, stack.settings, "", None)) or [])[0].incidents[0].code)


@pytest.fixture
def night(stack: Stack) -> Stack:
    """A warning, an older and a newer critical one, a parent with a child behind it, and one that somebody has."""
    stack.settings = config(suppression=SuppressionBlock(parents={"sw1": ("core",)}))
    for number, (name, severity, instance) in enumerate(
        [
            ("Warm", "warning", "a"),
            ("DeviceDown", "high", "core"),
            ("Child", "critical", "sw1"),
            ("Older", "critical", "b"),
            ("Newer", "critical", "c"),
        ]
    ):
        stack.fire(name, severity=severity, group=f"g{number}", instance=instance)
        stack.fast_forward(seconds=5)
    stack.fast_forward(minutes=6)
    heard(stack)
    return stack


@both_databases
def test_the_list_begins_with_what_is_critical_and_unanswered(night: Stack, signed_in: FlaskClient) -> None:
    text = signed_in.get("/incidents").text
    assert titles(text) == ["Older", "Newer", "DeviceDown", "Warm", "Child"]
    below = text.partition("<h2>Suppressed</h2>")[2]
    assert "Child" in below
    assert "core is down" in below
    for state in ("open", "unanswered"):
        assert titles(signed_in.get(f"/incidents?state={state}").text)[:4] == ["Older", "Newer", "DeviceDown", "Warm"]


@both_databases
def test_older_goes_on_where_the_page_ended(
    night: Stack, signed_in: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE", 2)
    seen, path = [], "/incidents?state=open"
    for _ in range(3):
        text = signed_in.get(path).text
        seen += titles(text)
        older = re.search(r'href="(incidents\?state=open&amp;before=\d+)"', text)
        path = "/" + older[1].replace("&amp;", "&") if older else ""
    assert (seen, path) == (["Older", "Newer", "DeviceDown", "Warm", "Child"], "")


def test_the_timeline_leads_to_the_parent_and_back(night: Stack, signed_in: FlaskClient) -> None:
    parent, child = (
        re.search(rf'href="incidents/(\w+)">[^>]*>[^>]*>\s*<strong>{name}', signed_in.get("/incidents").text)
        for name in ("DeviceDown", "Child")
    )
    assert parent
    assert child
    happened = signed_in.get(f"/incidents/{child[1]}").text.partition("What happened")[2]
    assert f'part of <a href="{parent[1]}">{parent[1]}</a>' in happened
    happened = signed_in.get(f"/incidents/{parent[1]}").text.partition("What happened")[2]
    assert f'<a href="{child[1]}">{child[1]}</a> Child' in happened


def test_what_is_in_shadow_says_so_everywhere(shadowed: str, signed_in: FlaskClient) -> None:
    words = "shadow: nobody is paged"
    assert words in signed_in.get("/incidents").text
    assert words in signed_in.get(f"/incidents/{shadowed}").text
    ack_page = markup.ack_page(
        Told(view=sample_view(), shadow=True), offer=Offer(key="k"), person="Ana", reader=Reader(60.0, MADRID)
    )
    assert words in ack_page
    for path in ("incidents", f"incidents/{shadowed}"):
        told = signed_in.get(f"/api/v1/{path}", auth=("maria", PASSWORD)).json
        assert (told if "code" in told else told["incidents"][0])["shadow"] is True, path


def test_what_is_live_does_not_say_shadow(night: Stack, signed_in: FlaskClient) -> None:
    assert "shadow:" not in signed_in.get("/incidents").text
    told = signed_in.get("/api/v1/incidents", auth=("maria", PASSWORD)).json["incidents"]
    assert {each["shadow"] for each in told} == {False}


def test_the_fold_names_everything_in_it() -> None:
    offer = Offer(key="k", people=(("ben", "Ben"),))
    page = markup.detail_page(Told(view=sample_view()), offer=offer, user="maria", reader=Reader(60.0, MADRID))
    assert "<summary>Snooze, escalate, resolve, give it to somebody</summary>" in page
    alone = replace(offer, people=())
    assert "<summary>Snooze, escalate, resolve</summary>" in markup.ack_page(
        Told(view=sample_view()), offer=alone, person="Ana", reader=Reader(60.0, MADRID)
    )


def test_an_incident_began_when_its_alerts_did() -> None:
    view = replace(sample_view(), started_at=3600.0)
    told = Told(view=replace(view, alerts=(replace(view.alerts[0], started_at=2400.0),)))
    page = markup.ack_page(told, offer=Offer(key="k"), person="Ana", reader=Reader(3600.0, MADRID))
    assert '<dt>Since</dt><dd><time datetime="1970-01-01T00:40:00Z">' in page
    assert "(20\N{NO-BREAK SPACE}min\N{NO-BREAK SPACE}ago)" in page
    heard = replace(view, alerts=(replace(view.alerts[0], started_at=-62_135_596_800.0),))  # year 1: not known
    assert heard.began_at == 3600.0


def test_a_young_incident_has_its_age_in_seconds() -> None:
    page = markup.ack_page(Told(view=sample_view()), offer=Offer(key="k"), person="Ana", reader=Reader(40.0, MADRID))
    assert "(40\N{NO-BREAK SPACE}s\N{NO-BREAK SPACE}ago)" in page
