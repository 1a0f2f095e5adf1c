"""Who is on call, by the API, the page and a calendar program."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from msgspec.structs import replace

from alert_webhook.app import main_app
from alert_webhook.config import PolicyBlock, StepBlock
from alert_webhook.oncall.blocks import LayerBlock, OverrideBlock, ScheduleBlock, WindowBlock
from alert_webhook.oncall.gauges import OnCallGauges
from alert_webhook.oncall.wall import Day, TimeOfDay, WallTime, Zone
from alert_webhook.store import accounts
from heronwatch.values import Duration
from tests.fakes.quick_password import quick_hash
from tests.fakes.webhook_stack import Stack, config

PASSWORD = "correct horse battery"
HASHED = quick_hash(PASSWORD)
AUTH = ("maria", PASSWORD)
MADRID = Zone("Europe/Madrid")
NOW = 1_800_000_000.0  # Friday 2027-01-15 08:00 UTC, 09:00 in Madrid
HOUR, DAY = 3600.0, 86_400.0
SCHEDULES = {
    "network": ScheduleBlock(
        time_zone=MADRID, layers=(LayerBlock(people=("ana", "ben"), every=Duration(DAY), start=Day(2027, 1, 15)),)
    ),
    "nights": ScheduleBlock(
        time_zone=MADRID,
        layers=(LayerBlock(people=("ben",), only=(WindowBlock(begins=TimeOfDay(1320), to=TimeOfDay(360)),)),),
    ),
}


@pytest.fixture
def client(stack: Stack) -> FlaskClient:
    people = config().people
    people = {**people, "ana": replace(people["ana"], name="Ana <Silva>")}
    stack.settings = config(schedules=SCHEDULES, people=people)
    stack.store.write(lambda tx: accounts.save_user(tx, "maria", HASHED), "test")
    return main_app(stack.parts, stack.intake).test_client()


def get(client: FlaskClient, path: str = "") -> Any:
    return client.get(f"/api/v1/oncall{path}", auth=AUTH)


def post(client: FlaskClient, path: str, body: object, **headers: str) -> Any:
    return client.post(f"/api/v1/oncall/{path}", json=body, auth=AUTH, headers=headers)


def override(**changes: Any) -> dict[str, Any]:
    return {"schedule": "network", "person": "ben", "from": "2027-01-15T09:00", "to": "2027-01-15T12:00", **changes}


def test_who_is_on_call_now_until_when_and_who_follows(client: FlaskClient) -> None:
    network, nights = get(client).json["schedules"]
    assert network == {
        "schedule": "network",
        "time_zone": "Europe/Madrid",
        "on_call": {"person": "ana", "name": "Ana <Silva>"},
        "by": "layer 1",
        "since": NOW,
        "until": NOW + DAY,
        "following": {"person": "ben", "name": "ben"},
        "gap_seconds": 0.0,
    }
    assert nights["on_call"] is None
    assert nights["until"] == NOW + 13 * HOUR
    assert nights["following"]["person"] == "ben"
    assert nights["gap_seconds"] == 7 * 16 * HOUR


def test_an_override_is_made_counts_and_is_taken_back(client: FlaskClient) -> None:
    made = post(client, "overrides", override())
    assert made.status_code == 201
    told = get(client).json
    assert told["schedules"][0]["on_call"]["person"] == "ben"
    assert told["schedules"][0]["by"] == "override by maria"
    assert [(each["person"], each["created_by"], each["to"]) for each in told["overrides"]] == [
        ("ben", "maria", NOW + 2 * HOUR + HOUR)
    ]
    assert client.delete(f"/api/v1/oncall/overrides/{made.json['id']}", auth=AUTH).status_code == 200
    assert get(client).json["schedules"][0]["on_call"]["person"] == "ana"
    assert client.delete(f"/api/v1/oncall/overrides/{made.json['id']}", auth=AUTH).status_code == 404


def test_a_time_with_an_offset_is_taken_as_it_is(client: FlaskClient) -> None:
    post(client, "overrides", override(**{"from": "2027-01-15T08:00:00Z", "to": "2027-01-15T14:30:00+05:30"}))
    (made,) = get(client).json["overrides"]
    assert (made["from"], made["to"]) == (NOW, NOW + HOUR)


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (override(schedule="x"), 404, "no such schedule"),
        (override(person="x"), 422, "no such person"),
        (override(instead_of="x"), 422, "no such person"),
        (override(to="2027-01-15T09:00"), 422, "to is after from"),
        (override(to="2029-01-15T09:00"), 422, "at most 400 days"),
        (override(**{"from": "2026-01-15T09:00", "to": "2026-01-16T09:00"}), 422, "over already"),
        (override(**{"from": "1789-07-14T09:00"}), 422, "from 1990"),
        (override(**{"from": "tomorrow"}), 422, "not a time"),
        (override(to=""), 422, "not a time"),
        (override(to=7), 400, "$.to"),
        (override(more=1), 400, "more"),
        ({"schedule": "network"}, 400, "person"),
        ([], 400, "array"),
    ],
)
def test_what_is_no_override(client: FlaskClient, body: object, status: int, words: str) -> None:
    answer = post(client, "overrides", body)
    assert (answer.status_code, words in answer.json["error"]) == (status, True)
    assert get(client).json["overrides"] == []


def test_another_site_cannot_make_a_browser_change_a_schedule(client: FlaskClient) -> None:
    evil = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert post(client, "overrides", override(), **evil).status_code == 403
    form = client.post("/api/v1/oncall/overrides", data="{}", content_type="text/plain", auth=AUTH)
    assert form.status_code == 415
    assert client.delete("/api/v1/oncall/overrides/1", auth=AUTH, headers=evil).status_code == 403


def test_a_large_body_is_not_read(client: FlaskClient) -> None:
    assert post(client, "overrides", override(person="x" * 20_000)).status_code == 413


def test_shifts_and_gaps_of_a_stretch(client: FlaskClient) -> None:
    told = get(client, f"/shifts/nights?from={NOW}&to={NOW + DAY}").json
    assert [(each["start"] - NOW, each["end"] - NOW, each["person"]) for each in told["shifts"]] == [
        (13 * HOUR, 21 * HOUR, "ben")
    ]
    assert told["gaps"] == [[NOW, NOW + 13 * HOUR], [NOW + 21 * HOUR, NOW + DAY]]


@pytest.mark.parametrize("query", ["from=5&to=4", "from=0&to=99999999999", "from=nan", "to=inf", "from=-1"])
def test_a_wrong_stretch_is_refused(client: FlaskClient, query: str) -> None:
    assert get(client, f"/shifts/network?{query}").status_code == 400


def test_no_such_schedule(client: FlaskClient) -> None:
    assert get(client, "/shifts/x").status_code == 404


def link(client: FlaskClient, **body: str) -> tuple[int, str]:
    made = post(client, "calendars", {"schedule": "network", **body})
    assert made.status_code == 201, made.text
    return made.json["id"], made.json["url"].removeprefix("https://pager.example.org")


def test_a_calendar_program_subscribes_without_a_password(client: FlaskClient) -> None:
    _, path = link(client)
    answer = client.get(path)
    assert (answer.status_code, answer.mimetype) == (200, "text/calendar")
    assert (
        "DTSTART:20270115T080000Z\r\nDTEND:20270116T080000Z\r\nSUMMARY:Ana <Silva>: on call for network" in answer.text
    )
    assert answer.headers["Cache-Control"] == "private, no-store"


def test_a_persons_calendar_has_that_persons_shifts(client: FlaskClient) -> None:
    _, path = link(client, person="ben")
    text = client.get(path).text
    assert "SUMMARY:ben: on call" in text
    assert "Ana" not in text


def test_a_calendar_link_ends_when_it_is_revoked(client: FlaskClient) -> None:
    id_, path = link(client)
    assert [each["id"] for each in get(client).json["calendars"]] == [id_]
    assert client.delete(f"/api/v1/oncall/calendars/{id_}", auth=AUTH).status_code == 200
    assert client.get(path).status_code == 404
    assert client.delete(f"/api/v1/oncall/calendars/{id_}", auth=AUTH).status_code == 404


def test_a_calendar_link_ends_by_itself(client: FlaskClient, stack: Stack) -> None:
    _, path = link(client)
    stack.clock.advance(401 * DAY)
    assert client.get(path).status_code == 404


def test_the_list_of_links_holds_no_capability(client: FlaskClient) -> None:
    _, path = link(client)
    token = path.split("/")[-1].removesuffix(".ics")
    assert token not in get(client).text


def test_guessing_calendar_links_is_slowed_down(client: FlaskClient) -> None:
    _, path = link(client)
    answers = [client.get(f"/calendars/{'A' * 22}.ics").status_code for _ in range(31)]
    assert (answers[0], answers[-1]) == (404, 429)
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("body", [{"schedule": "x"}, {"schedule": "network", "person": "x"}])
def test_no_calendar_of_what_is_not_there(client: FlaskClient, body: dict[str, str]) -> None:
    assert post(client, "calendars", body).status_code in {404, 422}


def test_the_page_of_incidents_says_who_is_on_call(stack: Stack, client: FlaskClient) -> None:
    from tests.alert_webhook.web.conftest import sign_in

    assert sign_in(client, *AUTH).status_code == 303
    text = client.get("/incidents").text
    assert "network: Ana &lt;Silva&gt; until 2027-01-16 09:00 CET (in 1 d), then ben" in text
    assert "nights: nobody until 2027-01-15 22:00 CET (in 13 h), then ben" in text


def test_the_metrics_tell_gaps(stack: Stack, client: FlaskClient) -> None:
    gauges = OnCallGauges(stack.store, lambda: stack.settings, stack.clock.now)
    found = {family.name: {s.labels["schedule"]: s.value for s in family.samples} for family in gauges.collect()}
    assert found == {
        "heronwatch_webhook_oncall_gap_seconds": {"network": 0.0, "nights": 7 * 16 * HOUR},
        "heronwatch_webhook_oncall_covered": {"network": 1.0, "nights": 0.0},
    }


def test_the_metrics_count_overrides(stack: Stack, client: FlaskClient) -> None:
    post(client, "overrides", override(schedule="nights", to="2027-01-15T19:00"))
    gauges = OnCallGauges(stack.store, lambda: stack.settings, stack.clock.now)
    covered = {s.labels["schedule"]: s.value for family in gauges.collect() for s in family.samples}
    assert covered["nights"] == 1.0


def test_without_schedules_there_is_nothing_to_say(stack: Stack) -> None:
    assert list(OnCallGauges(stack.store, lambda: stack.settings, stack.clock.now).collect()) == []


def test_an_override_of_the_configuration_counts(stack: Stack, client: FlaskClient) -> None:
    own = OverrideBlock(person="ben", begins=WallTime(2027, 1, 15, 8), to=WallTime(2027, 1, 15, 10))
    stack.settings = replace(stack.settings, schedules={"network": replace(SCHEDULES["network"], overrides=(own,))})
    assert get(client).json["schedules"][0]["by"] == "override"


def test_the_page_of_an_incident_names_whoever_is_on_call_when_the_next_step_is_due(
    stack: Stack, client: FlaskClient
) -> None:
    from tests.alert_webhook.web.conftest import sign_in

    steps = (StepBlock(notify=("ana",)), StepBlock(notify=("schedule:network",), after=Duration(DAY)))
    stack.settings = replace(stack.settings, policies={"default": PolicyBlock(steps=steps)})
    stack.fire("LinkDown", severity="high")
    code = stack.phone("ana").expects().incident.code
    sign_in(client, *AUTH)
    assert "ben in 1 d" in client.get(f"/incidents/{code}").text
