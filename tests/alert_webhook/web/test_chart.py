"""The chart of a series and its expected band: what is asked, what is drawn, how small it is."""

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from alert_webhook.delivery.channel import AlertView, IncidentView
from alert_webhook.web.blocks import PrometheusBlock
from alert_webhook.web.chart import LARGEST, Plot, chart
from alert_webhook.web.chart_queries import chart_queries, rule_expression, without_comparison
from alert_webhook.web.series import Charts, Row, plot_of, rows_of
from heronwatch.clock import SystemClock
from heronwatch.values import Duration, HttpUrl
from tests.alert_webhook.web.sample import sample_view
from tests.fakes.canned_http import Canned, canned_http
from tests.fakes.daemons import find_binary, free_port, http_ok, running

BLOCK = PrometheusBlock(url=HttpUrl("http://127.0.0.1:9090"), series={"traffic": "rate(octets[5m]) * 8"})


def alert(expression: str = "up == 0", **labels: str) -> AlertView:
    from urllib.parse import urlencode

    return AlertView(
        name="A",
        labels={"alertname": "A", "severity": "critical", "instance": "sw1", **labels},
        annotations={},
        generator_url=f"http://prom:9090/graph?{urlencode({'g0.expr': expression, 'g0.tab': 1})}",
        started_at=time.time() - 600,
    )


@pytest.mark.parametrize(
    ("expression", "measured", "limit"),
    [
        ("up == 0", "up", 0.0),
        ("0.9 < cpu", "cpu", 0.9),
        ("cpu >bool -1e3", "cpu", -1000.0),
        ('errors{job="a>b and c"} / total > 0.01', 'errors{job="a>b and c"} / total', 0.01),
        ("sum by (x) (rate(a[5m]) > 1) > 2", "sum by (x) (rate(a[5m]) > 1)", 2.0),
        ("(cpu > 0.9 and on (instance) up == 1) unless on (site) maintenance", "cpu", 0.9),
        ("((temperature)) >= (limit * 2)", "((temperature))", None),
        ("absent(up)", "absent(up)", None),
        ("x{a='\\'>'} > 1", "x{a='\\'>'}", 1.0),
        ("((((", "((((", None),
        ("> 1", "", 1.0),
    ],
)
def test_a_rule_is_drawn_without_its_comparison(expression: str, measured: str, limit: float | None) -> None:
    assert without_comparison(expression) == (measured, limit)


@given(st.text(max_size=200) | st.text("()[]{}<>=! andor\"'`1\\", max_size=200))
def test_no_expression_is_a_fault(expression: str) -> None:
    without_comparison(expression)


@pytest.mark.parametrize(
    "url", ["", "http://[bad", "http://p/graph", "http://p/graph?g0.expr=", "http://p/?g0.expr=" + "x" * 9999]
)
def test_an_alert_without_an_expression_has_no_chart(url: str) -> None:
    assert rule_expression(url) is None
    assert chart_queries(replace(alert(), generator_url=url), BLOCK) is None


def test_an_anomaly_is_drawn_in_its_band_and_of_its_device_only() -> None:
    queries = chart_queries(alert(**{"for": "traffic", "ifName": 'a"b'}), BLOCK)
    assert queries is not None
    assert queries.series == (
        '(rate(octets[5m]) * 8) and on (instance) last_over_time(ALERTS{alertname="A",instance="sw1"}[1d] @ end())'
    )
    assert queries.band == '{__name__=~"yhat_lower|yhat_upper",for="traffic",instance="sw1"}'


def test_the_series_of_the_alert_is_chosen_among_its_neighbours() -> None:
    rows = [
        Row({"__name__": "up", "instance": "sw2"}, [(1.0, "1")]),
        Row({"instance": "sw1"}, [(1.0, "2")]),
        Row({"instance": "sw1", "ifName": "a"}, [(1.0, "3"), (2.0, "NaN"), (3.0, "+Inf"), (4.0, "x")]),
        Row({"instance": "sw1", "ifName": "b"}, [(1.0, "4")]),
    ]
    plot = plot_of(alert(ifName="a"), rows, [], window=(0.0, 9.0), limit=None)
    assert plot.series == [(1.0, 3.0)]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"data":{"result":[{"metric":{},"values":[["x",1]]}]}}', b"\xff"])
def test_an_answer_that_is_none_is_no_chart(body: bytes) -> None:
    assert rows_of(body) is None


NUMBERS = st.floats(-LARGEST, LARGEST)
POINTS = st.lists(st.tuples(st.floats(0, 100), NUMBERS), max_size=80).map(sorted)


@given(series=POINTS, lower=POINTS, upper=POINTS, limit=st.none() | NUMBERS, began=st.none() | st.floats(-10, 110))
def test_a_chart_is_small_well_formed_and_inside_its_picture(
    series: Any, lower: Any, upper: Any, limit: float | None, began: float | None
) -> None:
    plot = Plot(start=0, end=100, gap_s=5, series=series, lower=lower, upper=upper, limit=limit, began=began)
    drawn = chart(plot)
    if drawn is None:
        assert not series
        return
    assert len(drawn) < 6000
    assert "style" not in drawn  # the page's policy refuses it
    assert "script" not in drawn
    for element in ET.fromstring(drawn):
        for place in element.get("points", "").split():
            x, y = map(int, place.split(","))
            assert 0 <= x <= 320
            assert 0 <= y <= 96


def test_gaps_stay_open() -> None:
    drawn = chart(Plot(start=0, end=100, gap_s=3, series=[(0, 1.0), (2, 2.0), (50, 1.0), (52, 2.0)]))
    assert drawn is not None
    assert drawn.count("<polyline") == 2


def charts_of(block: PrometheusBlock | None) -> Charts:
    parts: Any = SimpleNamespace(settings=lambda: SimpleNamespace(prometheus=block), clock=SystemClock())
    return Charts(parts)


def view_of(*alerts: AlertView, number: int = 1) -> IncidentView:
    return replace(sample_view(), id=number, alerts=alerts)


def test_without_prometheus_there_is_no_chart() -> None:
    assert charts_of(None).of(view_of(alert())) is None


def test_a_slow_prometheus_is_not_waited_for_and_not_asked_again_at_once() -> None:
    with canned_http(Canned(body=b"{}", delay_s=50.0)) as server:
        charts = charts_of(PrometheusBlock(url=HttpUrl(server.url), timeout=Duration(0.2)))
        began = time.monotonic()
        assert charts.of(view_of(alert())) is None
        assert charts.of(view_of(alert())) is None
        assert (time.monotonic() - began < 25, len(server.asked)) == (True, 1)


def history(now: float) -> str:
    """Two interfaces' counters and the band of one of them, for four hours."""
    lines = ["# TYPE octets counter", "# TYPE yhat_lower gauge", "# TYPE yhat_upper gauge", "# TYPE ALERTS gauge"]
    by_name: dict[str, list[str]] = {"octets_total": [], "yhat_lower": [], "yhat_upper": [], "ALERTS": []}
    for step in range(0, 4 * 3600, 60):
        at = now - 4 * 3600 + step
        for name, rate in (("a", 1000), ("b", 7)):
            by_name["octets_total"].append(f'octets_total{{instance="sw1",ifName="{name}"}} {step * rate} {at:.0f}')
        for limit, value in (("yhat_lower", 7000), ("yhat_upper", 9000)):
            by_name[limit].append(f'{limit}{{instance="sw1",ifName="a",for="traffic"}} {value} {at:.0f}')
        by_name["ALERTS"].append(f'ALERTS{{alertname="A",instance="sw1",alertstate="firing"}} 1 {at:.0f}')
    for header, name in zip(lines, by_name, strict=True):
        by_name[name].insert(0, header)
    return "\n".join(line for rows in by_name.values() for line in rows) + "\n# EOF\n"


@pytest.mark.prometheus
@pytest.mark.timeout(90)
def test_a_real_prometheus_answers(tmp_path: Path) -> None:
    import subprocess

    binary, promtool = find_binary("prometheus", "prometheus"), find_binary("promtool", "prometheus")
    (tmp_path / "past.om").write_text(history(time.time() // 60 * 60))
    (tmp_path / "prometheus.yml").write_text("{}\n")
    made = [promtool, "tsdb", "create-blocks-from", "openmetrics", str(tmp_path / "past.om"), str(tmp_path / "data")]
    subprocess.run(made, check=True, capture_output=True, timeout=60)
    port = free_port()
    flags = (f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data")
    command = (binary, *flags, f"--web.listen-address=127.0.0.1:{port}")
    with running(
        "prometheus", command, directory=tmp_path / "run", port=port, ready=lambda each: http_ok(f"{each.url}/-/ready")
    ) as daemon:
        block = PrometheusBlock(
            url=HttpUrl(daemon.url), series={"traffic": "rate(octets_total[5m]) * 8"}, timeout=Duration(10)
        )
        drawn = charts_of(block).of(view_of(alert(**{"for": "traffic", "ifName": "a"})))
        assert drawn is not None
        assert "8k most" in drawn  # the rate at the end is lower: the past ends a minute before now
        assert '; expected 7k to 9k"' in drawn
        assert drawn.count("<polygon") == 1
        rule = charts_of(block).of(view_of(alert("rate(octets_total[5m]) > 20", ifName="b"), number=2))
        assert rule is not None
        assert "7 most" in rule
        assert '; limit 20"' in rule
