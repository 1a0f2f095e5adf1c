"""What is seen in an expression without a server."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly_detector.promql import form_faults, raw_counter, settling_s


@pytest.mark.parametrize(
    ("expr", "selector"),
    [
        ("foo_total", "foo_total"),
        ('sum by (job) (foo_total{code="5.."})', 'foo_total{code="5.."}'),
        ("avg_over_time(foo_total[5m])", "foo_total"),
        ("increase(foo_total[1h]) / foo_count", "foo_count"),
        ("a_sum / a_count", "a_sum"),
        ("x_bucket", "x_bucket"),
    ],
)
def test_counters_without_a_rate_are_found(expr: str, selector: str) -> None:
    found = raw_counter(expr)
    assert found is not None
    assert found.selector == selector


@pytest.mark.parametrize(
    "expr",
    [
        "up",
        "rate(foo_total[5m])",
        "sum by (x_total) (rate(foo_total[5m]))",
        "histogram_quantile(0.9, sum by (le) (rate(x_bucket[5m])))",
        "rate((foo_total)[5m:1m])",
        'foo{name="x_total"}',
        "job:foo_total:rate5m",
        "count(foo_total)",
        "sum(rate(x_total[1m])) + on(job_count) group_left(a_sum) y",
        "rate(foo_total[5m]) # foo_total",
        "resets(foo_total[1d])",
        "rollup_rate(foo_total[5m])",
    ],
)
def test_what_is_no_bare_counter_passes(expr: str) -> None:
    assert raw_counter(expr) is None


@pytest.mark.parametrize(
    ("expr", "said"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ('up{a="b', 'a quote is not closed: "'),
        ("f(x", "'(' is not closed"),
        ("x)", "')' closes nothing"),
        ("x[5m)", "')' closes nothing"),
    ],
)
def test_form(expr: str, said: str) -> None:
    assert list(form_faults(expr)) == [said]


@pytest.mark.parametrize("expr", ['up{a="("}', "a[5m]", "sum(x) by (y)", '{__name__=~"a|b"}', "`a(`", r'x{a="\""}'])
def test_good_form(expr: str) -> None:
    assert not list(form_faults(expr))


@pytest.mark.parametrize(
    ("expr", "seconds"),
    [
        ("up", 0),
        ("rate(x[2m])", 120),
        ("rate(x[90s]) / rate(y[1m30s500ms])", 90.5),
        ("avg_over_time(x[1h])", 0),
        ("increase(x[1h:5m])", 3600),
    ],
)
def test_settling(expr: str, seconds: float) -> None:
    assert settling_s(expr) == seconds


@given(st.text(max_size=200) | st.text("(){}[]\"'`#abc_total 5m,=", max_size=60))
def test_any_text_is_judged_without_an_error(expr: str) -> None:
    list(form_faults(expr))
    raw_counter(expr)
    settling_s(expr)
