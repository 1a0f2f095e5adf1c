"""Names and labels of the output series."""

import pytest

from anomaly_detector.sink.series import SCORE, Identity, output_labels, text

IDENTITY = Identity("traffic", "default")


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        ({}, {"for": "traffic", "model_alias": "default"}),
        ({"job": "snmp"}, {"job": "snmp", "for": "traffic", "model_alias": "default"}),
        ({"for": "x"}, {"exported_for": "x", "for": "traffic", "model_alias": "default"}),
        (
            {"model_alias": "x", "exported_model_alias": "y"},
            {
                "exported_exported_model_alias": "x",
                "exported_model_alias": "y",
                "for": "traffic",
                "model_alias": "default",
            },
        ),
        ({"page": "3"}, {"page": "3", "for": "traffic", "model_alias": "default"}),
    ],
)
def test_labels_of_the_input_stay_and_give_way(labels: dict[str, str], wanted: dict[str, str]) -> None:
    assert output_labels(labels, IDENTITY) == tuple(sorted(wanted.items()))


def test_a_query_that_may_page_says_so() -> None:
    labels = dict(output_labels({"page": "3"}, Identity("traffic", "default", page=True)))
    assert labels["page"] == "true"
    assert labels["exported_page"] == "3"


def test_text_is_escaped() -> None:
    assert text(SCORE, (("a", 'x"\\\n'),)) == 'anomaly_score{a="x\\"\\\\\\n"}'
