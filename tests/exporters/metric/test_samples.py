"""Label text is rendered once, sorted and escaped."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from exporters.metric.samples import Family, escape_label, label_text


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([], ""),
        ([("a", "1")], '{a="1"}'),
        ([("b", "2"), ("a", "1")], '{a="1",b="2"}'),
        ([("a", "")], '{a=""}'),
        ([("a", 'x"y\\z\n')], '{a="x\\"y\\\\z\\n"}'),
    ],
)
def test_labels_are_sorted_and_escaped(pairs: list[tuple[str, str]], expected: str) -> None:
    assert label_text(pairs) == expected


@given(st.text(st.characters(blacklist_categories=["Cs"])))
def test_any_label_value_survives_a_parser(value: str) -> None:
    exposition = f'm{{a="{escape_label(value)}"}} 1\n'
    [family] = text_string_to_metric_families(exposition)
    assert family.samples[0].labels == {"a": value}


def test_families_are_compared_by_identity() -> None:
    assert Family("m", "gauge", "h") != Family("m", "gauge", "h")
