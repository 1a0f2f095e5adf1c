"""What `check --history` and a backtest learn of marks: those of the span, of every server that answers."""

import json

from anomaly_detector.grouping.cli import marks_of
from anomaly_detector.marks.past import MarkedPast, marked_past
from tests.anomaly_detector.backtest.test_run import DAY_S, END_S
from tests.fakes.canned_http import Canned, CannedServer, canned_http
from tests.fakes.detector_plans import NOWHERE, config

SW1 = (("instance", "sw1"),)
READER = f"reader: {{datasource_url: '{NOWHERE}', queries: {{q: {{expr: x}}}}}}\nmodels: {{m: {{fit_window: 2d}}}}\n"
NO_WINDOWS = Canned(body=b'{"windows":[]}', date="Fri, 21 Nov 2025 10:00:00 GMT")


def silences(*ends: str) -> Canned:
    told = [
        {
            "id": str(number),
            "matchers": [{"name": "instance", "value": "sw1", "isRegex": False}],
            "startsAt": "2025-11-18T00:00:00Z",
            "endsAt": end,
        }
        for number, end in enumerate(ends)
    ]
    return Canned(body=json.dumps(told).encode(), date="Fri, 21 Nov 2025 10:00:00 GMT")


def incidents(*began_s: float) -> Canned:
    told = [
        {"id": number, "labels": dict(SW1), "started_at": one, "resolved_at": one + 3600}
        for number, one in enumerate(began_s)
    ]
    return Canned(body=json.dumps({"incidents": told}).encode())


def read(server: CannedServer, kind: str = "alertmanagers: [{url: '%s'}]") -> MarkedPast:
    marks = config(f"{READER}marks: {{{kind % server.url}}}\n").marks
    return marked_past(marks, from_s=END_S - 2 * DAY_S, to_s=END_S)


def test_silences_of_the_span_are_counted() -> None:
    with canned_http(silences("2025-11-20T01:00:00Z", "2025-11-20T02:00:00Z")) as server:
        past = read(server)
        assert past.as_builtins() == [{"server": server.url, "pauses": 2, "trouble": ""}]
    assert len(past.pauses) == len(past.lived) == 2
    assert str(past.servers[0]) == f"2 pauses of {server.url}"


def test_an_incident_is_known_since_it_was_opened_to_who_plays_it_as_it_was() -> None:
    opened_s = END_S - DAY_S
    with canned_http(NO_WINDOWS, incidents(), incidents(opened_s, END_S - 30 * DAY_S)) as server:
        past = read(server, "webhook: {url: '%s'}")
    assert [(one.begins, one.to) for one in past.pauses] == [(opened_s - 600, opened_s + 3600)]
    assert [(one.begins, one.to) for one in past.lived] == [(opened_s, opened_s + 3600)]


def test_a_server_that_is_away_is_said_and_the_others_are_read() -> None:
    with canned_http(silences("2025-11-20T01:00:00Z")) as server:
        marks = config(f"{READER}marks: {{webhook: {{url: '{NOWHERE}'}}, alertmanagers: [{{url: '{server.url}'}}]}}\n")
        past = marked_past(marks.marks, from_s=END_S - 2 * DAY_S, to_s=END_S)
    assert len(past.pauses) == 1
    assert str(past.servers[0]).startswith(f"not read of {NOWHERE} ({NOWHERE}: no connection")


def test_check_asks_as_far_back_as_it_learns() -> None:
    with canned_http(silences("2025-11-18T09:00:00Z")) as server:
        given = config(f"{READER}marks: {{alertmanagers: [{{url: '{server.url}'}}]}}\n")
        assert [len(marks_of(given, days * DAY_S, now_s=END_S).pauses) for days in (0.5, 5)] == [0, 1]
    assert marks_of(config(READER), DAY_S, now_s=END_S) == MarkedPast()
