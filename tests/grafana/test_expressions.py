"""Reading PromQL out of a dashboard."""

import pytest

from grafana.dashboards_src.expressions import filled, selector_of, variables_in


def test_selector_of_a_variable_query() -> None:
    assert selector_of('label_values(up{a=~"x,y"},site)') == 'up{a=~"x,y"}'


@pytest.mark.parametrize("query", ["label_values(site)", "metrics(up)", "up"])
def test_other_variable_queries_are_refused(query: str) -> None:
    with pytest.raises(ValueError, match="not label_values"):
        selector_of(query)


def test_variables_of_all_forms_are_found_and_filled() -> None:
    text = 'rate(x{a=~"$site",b="${job:regex}"}[$__rate_interval])'
    assert variables_in(text) == {"site", "job", "__rate_interval"}
    assert filled(text, {"site": "s", "job": "j", "__rate_interval": "2m"}) == 'rate(x{a=~"s",b="j"}[2m])'


def test_an_unknown_variable_is_named() -> None:
    with pytest.raises(KeyError, match="nobody"):
        filled("$nobody", {})
