"""The text writer: order, escapes, duplicates, and the numbers Prometheus reads."""

import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporters.metric.exposition import SampleConflictError, number_text, strict_text, text
from exporters.metric.samples import Family, Sample, label_text

UP = Family("up", "gauge", "1 when reachable")
OCTETS = Family("octets", "counter", "octets\nreceived \\ in")


def test_families_are_sorted_and_described_once() -> None:
    body, dropped = text([(UP, "", 1), (OCTETS, '{i="1"}', 5), (UP, '{i="1"}', 0)])
    assert body.decode() == (
        "# HELP octets octets\\nreceived \\\\ in\n# TYPE octets counter\n"
        'octets{i="1"} 5\n'
        "# HELP up 1 when reachable\n# TYPE up gauge\n"
        'up 1\nup{i="1"} 0\n'
    )
    assert dropped == 0


def test_no_samples_give_an_empty_body() -> None:
    assert text([]) == (b"", 0)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0"), (-5, "-5"), (2**53, "9007199254740992"), (0.1, "0.1"), (1e300, "1e+300"),
        (float("inf"), "+Inf"), (float("-inf"), "-Inf"), (float("nan"), "NaN"), (True, "1.0"),
    ],
)  # fmt: skip
def test_numbers(value: float, expected: str) -> None:
    assert text([(UP, "", value)])[0].decode().splitlines()[-1] == f"up {expected}"


def test_integral_float_keeps_its_value() -> None:
    assert float(number_text(1e22)) == 1e22


def test_first_of_a_duplicate_series_is_kept_and_the_rest_counted() -> None:
    body, dropped = text([(UP, "", 1), (UP, "", 2), (UP, "", 3)])
    assert (body.decode().splitlines()[-1], dropped) == ("up 1", 2)


def test_families_of_one_name_are_joined() -> None:
    again = Family("up", "gauge", "another help")
    body, dropped = text([(UP, '{i="1"}', 1), (again, '{i="1"}', 2), (again, '{i="2"}', 3)])
    assert body.decode().count("# TYPE") == 1
    assert body.decode().splitlines()[-2:] == ['up{i="1"} 1', 'up{i="2"} 3']
    assert dropped == 1


def test_conflicting_type_keeps_the_first() -> None:
    body, dropped = text([(UP, "", 1), (Family("up", "counter", ""), '{i="1"}', 2)])
    assert b"# TYPE up gauge" in body
    assert dropped == 1


@pytest.mark.parametrize("second", [UP, Family("up", "counter", "1 when reachable"), Family("up", "gauge", "?")])
def test_strict_refuses_what_text_leaves_out(second: Family) -> None:
    with pytest.raises(SampleConflictError, match="up"):
        strict_text([(UP, "", 1), (second, "", 2)])


def test_strict_writes_what_text_writes() -> None:
    samples: list[Sample] = [(UP, "", 1), (OCTETS, '{i="1"}', 5)]
    assert strict_text(samples) == text(samples)[0]


def test_the_reference_parser_reads_every_sample() -> None:
    samples: list[Sample] = [(OCTETS, label_text([("i", str(i))]), i) for i in range(100)]
    [family] = text_string_to_metric_families(text(samples)[0].decode())
    assert [sample.value for sample in family.samples] == list(range(100))


def test_a_500_port_switch_is_written_fast() -> None:
    families = [Family(f"column_{n}", "counter", "a column") for n in range(25)]
    labels = [label_text([("ifIndex", str(i)), ("ifName", f"Ethernet1/{i}")]) for i in range(500)]
    samples: list[Sample] = [(family, label, 123_456_789) for family in families for label in labels]
    best = min(_seconds(samples) for _ in range(5))
    assert best < 0.05, "12,500 samples take 3 to 5 ms; 50 ms means the fast path is lost"


def _seconds(samples: list[Sample]) -> float:
    started = time.process_time()
    text(samples)
    return time.process_time() - started
