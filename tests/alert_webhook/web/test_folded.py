"""What is folded into an incident is visible there: on its pages, in the list, in the API."""

import json
from typing import Any

import jsonschema
import pytest
from flask.testing import FlaskClient
from msgspec.structs import replace

from alert_webhook.delivery.channel import FoldedView
from alert_webhook.incidents.blocks import SuppressionBlock
from alert_webhook.oncall.wall import Zone
from alert_webhook.web import markup
from alert_webhook.web.api import openapi_text
from alert_webhook.web.shown import Offer, Reader, Told
from tests.alert_webhook.web.conftest import PASSWORD, link_of
from tests.alert_webhook.web.sample import sample_view
from tests.fakes.webhook_stack import Stack, config

CHILDREN = 9
READER = Reader(60.0, Zone("Europe/Madrid"))


@pytest.fixture
def outage(stack: Stack) -> Any:
    """The core is down, and nine switches behind it; return ana's page."""
    parents: dict[str, tuple[str, ...]] = {f"sw{number}": ("core",) for number in range(CHILDREN)}
    stack.settings = config(suppression=SuppressionBlock(parents=parents))
    stack.fire("DeviceDown", severity="high", instance="core")
    for number in range(CHILDREN):
        stack.fire("LinkDown", severity="high", group=f"g{number}", instance=f"sw{number}")
    return stack.phone("ana").expects("DeviceDown")


def test_the_page_of_the_incident_lists_them_with_links(outage: Any, signed_in: FlaskClient) -> None:
    text = signed_in.get(f"/incidents/{outage.incident.code}").text
    assert "<dt>Behind it</dt><dd>9 suppressed</dd>" in text
    assert text.count("LinkDown · sw") >= CHILDREN
    folded = signed_in.get(f"/api/v1/incidents/{outage.incident.code}", auth=("maria", PASSWORD)).json["folded"]
    assert all(f'<a href="{each["code"]}">{each["code"]}</a>' in text for each in folded)


def test_the_ack_page_has_some_of_them_and_their_number(outage: Any, phone: FlaskClient) -> None:
    text = phone.get(link_of(outage)).text
    assert "<dt>Behind it</dt><dd>9 suppressed</dd>" in text
    assert "Suppressed behind it" in text
    assert "LinkDown · sw0" in text
    assert "and 3 more" in text
    assert 'href="' not in text.partition("Suppressed behind it")[2].partition("</ul>")[0]


def test_the_list_says_how_many(outage: Any, signed_in: FlaskClient) -> None:
    assert "9 suppressed behind it" in signed_in.get("/incidents").text


def test_the_api_has_them_in_the_form_of_its_document(outage: Any, desktop: FlaskClient, user: str) -> None:
    found = desktop.get(f"/api/v1/incidents/{outage.incident.code}", auth=(user, PASSWORD)).json
    assert (found["folded_total"], len(found["folded"])) == (CHILDREN, CHILDREN)
    assert {each["title"] for each in found["folded"]} == {f"LinkDown · sw{number}" for number in range(CHILDREN)}
    document = json.loads(openapi_text())
    schema = {"$ref": "#/components/schemas/IncidentDetail", "components": document["components"]}
    jsonschema.validate(found, schema)
    listed = desktop.get("/api/v1/incidents", auth=(user, PASSWORD)).json["incidents"]
    assert [each["folded_total"] for each in listed] == [0] * CHILDREN + [CHILDREN]


def test_a_page_with_odd_titles_behind_it_stays_small_and_ours() -> None:
    evil = FoldedView(code="AB2C", severity="<b>", title="<script>&" * 50_000, started_at=0.0, firing=1)
    view = replace(sample_view(), folded=(evil,) * 20, folded_total=100_000)
    text = markup.ack_page(Told(view=view), offer=Offer(key="k"), person="Ana", reader=READER)
    assert len(text.encode()) < markup.MAX_ACK_BYTES
    assert "100000 suppressed" in text
    assert "<script" not in text
