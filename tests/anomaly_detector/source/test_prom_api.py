"""The HTTP API: what is asked, and errors by what can be done about them."""

from pathlib import Path
from urllib.parse import parse_qs

import numpy as np
import pytest

from anomaly_detector.errors import (
    BadAnswerError,
    QueryRejectedError,
    SourceDeniedError,
    SourceError,
    SourceUnavailableError,
)
from anomaly_detector.session import Session
from anomaly_detector.sink.remote_write import HEADERS
from anomaly_detector.sink.series import SCORE, Identity, encoded, output_labels
from anomaly_detector.sink.wire import Template
from anomaly_detector.source.matrix import grid_times
from anomaly_detector.source.prom_api import PromApi
from tests.fakes.canned_http import Canned, canned_http
from tests.fakes.daemons import prometheus
from tests.fakes.detector_plans import plan

ONE_SERIES = b'{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"a":"1"},"values":[[60,"5"]]}]}}'


def test_a_range_is_asked_for_on_the_grid() -> None:
    with canned_http(Canned(body=ONE_SERIES)) as server:
        api = PromApi(plan(url=server.url).reader)
        matrix = api.query_range("rate(x[5m])", grid_times(60, 120, 15), step_s=15, max_series=5)
        api.close()
    asked = server.asked[0]
    assert (asked.method, asked.path) == ("POST", "/api/v1/query_range")
    assert parse_qs(asked.body.decode()) == {
        "query": ["rate(x[5m])"],
        "start": ["60.000"],
        "end": ["120.000"],
        "step": ["15.000"],
        "timeout": ["30s"],
        "partial_response": ["false"],
        "deny_partial_response": ["1"],
    }
    np.testing.assert_array_equal(matrix.values[:, 0], [5, np.nan, np.nan, np.nan, np.nan])


@pytest.mark.parametrize(("written", "sent"), [("500ms", "500ms"), ("1.5s", "1s500ms"), ("2m", "2m")])
def test_a_timeout_is_said_as_prometheus_reads_it(written: str, sent: str) -> None:
    """It refuses 0.5s."""
    with canned_http(Canned(body=ONE_SERIES)) as server:
        api = PromApi(plan(url=server.url, reader=f"timeout: {written}").reader)
        api.query_range("x", grid_times(60, 120, 15), step_s=15, max_series=5)
        api.close()
    assert parse_qs(server.asked[0].body.decode())["timeout"] == [sent]


@pytest.mark.parametrize(
    ("end", "partial"), [('"isPartial":true', True), ('"warnings":["a store is away"]', True), ('"warnings":[]', False)]
)
def test_partial_answers_are_accepted_where_that_is_wanted(end: str, partial: bool) -> None:
    with canned_http(Canned(body=ONE_SERIES[:-1] + f",{end}}}".encode())) as server:
        api = PromApi(plan(url=server.url, reader="partial_response: accept").reader)
        matrix = api.query_range("x", grid_times(60, 120, 15), step_s=15, max_series=5)
        api.close()
    assert (matrix.partial, len(matrix.keys)) == (partial, 1)
    asked = parse_qs(server.asked[0].body.decode())
    assert (asked["partial_response"], asked.get("deny_partial_response")) == (["true"], None)


def test_a_partial_answer_is_refused_otherwise() -> None:
    with canned_http(Canned(body=ONE_SERIES[:-1] + b',"isPartial":true}')) as server:
        api = PromApi(plan(url=server.url).reader)
        with pytest.raises(SourceUnavailableError, match="the answer is partial: a storage node is away"):
            api.query_range("x", grid_times(60, 120, 15), step_s=15, max_series=5)
        api.close()


@pytest.mark.parametrize(
    ("status", "error", "said"),
    [
        (400, QueryRejectedError, "HTTP 400: parse error"),
        (422, QueryRejectedError, "HTTP 422: parse error"),
        (401, SourceDeniedError, "HTTP 401: parse error"),
        (403, SourceDeniedError, "HTTP 403: parse error"),
        (404, SourceDeniedError, "HTTP 404: parse error"),
        (302, SourceDeniedError, "HTTP 302: redirected to /login; set datasource_url to the final address"),
        (429, SourceUnavailableError, "HTTP 429: parse error"),
        (500, SourceUnavailableError, "HTTP 500: parse error"),
        (502, SourceUnavailableError, "HTTP 502: parse error"),
        (503, SourceUnavailableError, "HTTP 503: parse error"),
        (504, SourceUnavailableError, "HTTP 504: parse error"),
    ],
)
def test_errors_by_what_to_do(status: int, error: type[SourceError], said: str) -> None:
    answer = Canned(status=status, body=b'{"status":"error","error":"parse error"}', headers={"Location": "/login"})
    with canned_http(answer) as server:
        api = PromApi(plan(url=server.url).reader)
        with pytest.raises(error) as raised:
            api.server_time()
        api.close()
    assert str(raised.value) == said


def test_a_page_that_is_no_api_is_said_to_be_none() -> None:
    with canned_http(Canned(body=b"<html>It works!</html>")) as server:
        api = PromApi(plan(url=server.url).reader)
        with pytest.raises(BadAnswerError):
            api.server_time()
        api.close()


def test_when_a_score_was_last_written(tmp_path: Path) -> None:
    with prometheus(tmp_path, "scrape_configs: []") as store:
        api = PromApi(plan(url=store.url).reader)
        assert api.newest_score("q") == 0
        now_ms = round(api.server_time() * 1000)
        for query, age_ms in (("q", 1_200_000), ("other", 5_000)):
            template = Template([encoded(SCORE, output_labels({}, Identity(query, "m")))])
            body = template.render(np.array([0]), np.zeros(1), now_ms - age_ms).compressed()
            Session(plan(url=store.url).reader).post("/api/v1/write", body, headers=HEADERS, max_bytes=1000)
        assert api.newest_score("q") == pytest.approx((now_ms - 1_200_000) / 1000, abs=0.001)
        assert api.newest_score("other") == pytest.approx((now_ms - 5_000) / 1000, abs=0.001)
        api.close()
