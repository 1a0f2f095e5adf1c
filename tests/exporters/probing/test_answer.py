"""What came of a scrape, written out: what is kept of it for the next request."""

from exporters.metric.samples import Family, Reading, Sample, label_text
from exporters.probing.answer import endpoint_answer, partial_answer, probe_answer
from exporters.probing.job import MOST_KEPT_BYTES, Outcome

OCTETS = Family("octets", "counter", "Octets received.")


def outcome(rows: int) -> Outcome:
    samples: list[Sample] = [(OCTETS, label_text([("row", str(row))]), row) for row in range(rows)]
    return Outcome(Reading([*samples, samples[0]]))


def test_two_requests_that_share_an_outcome_get_the_same_bytes() -> None:
    shared = outcome(10)
    first, second = (endpoint_answer(shared, lambda _: None, strict=False).body for _ in range(2))
    assert first is second


def test_a_large_body_is_not_kept_beside_its_outcome() -> None:
    """With `min_interval` an outcome lives until the next scrape; five thousand of them must fit into memory."""
    shared = outcome(5_000)
    first, second = (endpoint_answer(shared, lambda _: None, strict=False).body for _ in range(2))
    assert len(first) > MOST_KEPT_BYTES
    assert first == second
    assert shared.rendered == {}


def test_duplicates_of_an_outcome_are_counted_once() -> None:
    for rows in (10, 5_000):
        shared, counted = outcome(rows), list[int]()
        for _ in range(2):
            endpoint_answer(shared, counted.append, strict=False)
            probe_answer(shared, counted.append)
            partial_answer(shared, counted.append, protocol="snmp")
        assert counted == [1]
