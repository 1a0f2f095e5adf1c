"""What a mark is about, as Alertmanager and the webhook mean their words."""

import pytest

from anomaly_detector.marks.matching import Says, closest, pause_of

BY = ("instance", "site")


def about(*says: Says, **labels: str) -> bool | None:
    pause = pause_of(says, BY, begins_s=0.0, to_s=1.0)
    return None if pause is None else pause.is_about(tuple(labels.items()))


def says(label: str, text: str, *, pattern: bool = False, negated: bool = False) -> Says:
    return Says(label=label, text=text, pattern=pattern, negated=negated)


@pytest.mark.parametrize(
    ("words", "instance", "meant"),
    [
        ([says("instance", "sw1")], "sw1", True),
        ([says("instance", "sw1")], "sw10", False),
        ([says("instance", "10.0.0.1")], "10x0x0x1", False),  # no pattern
        ([says("instance", "sw1|sw2", pattern=True)], "sw2", True),
        ([says("instance", "sw1|sw2", pattern=True)], "sw22", False),
        ([says("instance", "sw.*", pattern=True), says("instance", "sw3", negated=True)], "sw3", False),
        ([says("instance", "sw.*", pattern=True), says("instance", "sw3", negated=True)], "sw33", True),
        (
            [says("instance", "sw.*", pattern=True), says("instance", "sw[0-4]", pattern=True, negated=True)],
            "sw5",
            True,
        ),
        ([says("instance", "a\nb")], "a\nb", True),
        ([says("alertname", "LinkDown"), says("instance", "sw1")], "sw1", True),
    ],
)
def test_words_about_one_label(words: list[Says], instance: str, meant: bool) -> None:
    assert about(*words, instance=instance, ifName="x") is meant


def test_all_labels_have_to_agree() -> None:
    words = says("instance", "sw1"), says("site", "berlin")
    assert about(*words, instance="sw1", site="berlin")
    assert not about(*words, instance="sw1", site="bonn")
    assert not about(*words, instance="sw1")


@pytest.mark.parametrize(
    "words",
    [
        [],
        [says("alertname", "LinkDown")],
        [says("instance", "sw1", negated=True)],
        [says("instance", ".*", pattern=True)],
        [says("instance", "")],
    ],
)
def test_what_names_nothing_is_about_nothing(words: list[Says]) -> None:
    assert about(*words, instance="sw2") is None


def test_a_pattern_that_is_none_is_said() -> None:
    with pytest.raises(ValueError, match="is not a regular expression"):
        pause_of([says("instance", "sw[", pattern=True)], BY, begins_s=0.0, to_s=1.0)


def test_an_incident_is_about_the_closest_label_it_has() -> None:
    assert closest({"site": "berlin", "instance": "sw1", "alertname": "x"}, BY) == [says("instance", "sw1")]
    assert closest({"site": "berlin"}, BY) == [says("site", "berlin")]
    assert closest({"alertname": "x", "instance": ""}, BY) == []
