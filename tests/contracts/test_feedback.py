"""`POST /api/v1/feedback`: what the webhook sends and the detector reads is one schema, and these examples."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from alert_webhook.delivery.channel import AlertView
from alert_webhook.web.blocks import DetectorBlock
from alert_webhook.web.false_alarms import MOST_WHO, verdict
from anomaly_detector.feedback.verdicts import entry_of
from heronwatch.values import HttpUrl

SCHEMA: dict[str, Any] = json.loads((Path(__file__).parent / "feedback.schema.json").read_text())
GOLDEN = sorted((Path(__file__).parents[1] / "golden" / "feedback").glob("*.json"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
DETECTOR = DetectorBlock(url=HttpUrl.parse("http://127.0.0.1:9811"))
ADDED = {
    "alertname": "AnomalyDetected",
    "severity": "info",
    "team": "network",
    "scope": "device",
}  # by the alert's rule
LATER_S = 3600.0


def body(path: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(path.read_text())
    return told


def alert_of(told: dict[str, Any], ended_at: float | None) -> AlertView:
    labels = {**ADDED, **told["labels"]}
    return AlertView(
        name="AnomalyDetected",
        labels=labels,
        annotations={},
        generator_url="",
        started_at=told["start"],
        ended_at=ended_at,
    )


ENDS = {"still_firing": None, "ended": 1_792_893_900.5, "began_after_its_end": 1_792_893_000.0}


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_the_webhook_sends_the_examples(path: Path) -> None:
    told = body(path)
    assert verdict(DETECTOR, alert_of(told, ENDS[path.stem]), told["end"], told["who"]) == told


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_the_detector_reads_the_examples(path: Path) -> None:
    told = body(path)
    VALIDATOR.validate(told)
    entry = entry_of(path.read_bytes(), identity="1", now=told["end"])
    assert (entry.labels, entry.verdict, entry.who) == (told["labels"], told["verdict"], told["who"])
    assert (entry.start, entry.end) == (told["start"], told["end"])


def test_who_is_cut_to_what_the_detector_takes() -> None:
    told = body(GOLDEN[0])
    sent = verdict(DETECTOR, alert_of(told, None), told["end"], "n" * 500)
    VALIDATOR.validate(sent)
    assert SCHEMA["properties"]["who"]["maxLength"] == MOST_WHO


EXAMPLE = body(GOLDEN[0])
CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("no labels", {"labels": {}}),
    ("labels that are no texts", {"labels": {"for": 3}}),
    ("a label that is no name", {"labels": {"for": "x", "a-b": "y"}}),
    ("too many labels", {"labels": {"for": "x", **{f"l{n}": "v" for n in range(64)}}}),
    ("a label too long", {"labels": {"for": "x" * 1025}}),
    ("a false alarm of no query", {"labels": {"instance": "sw1"}}),
    ("another verdict", {"verdict": "maybe"}),
    ("no verdict", {"verdict": None}),
    ("a start that is none", {"start": None}),
    ("who is nobody", {"who": None}),
    ("who is too long", {"who": "n" * 201}),
    ("force in words", {"force": "yes"}),
]


@pytest.mark.parametrize("change", [case[1] for case in CHANGES], ids=[case[0] for case in CHANGES])
def test_the_detector_refuses_what_the_schema_forbids(change: dict[str, Any]) -> None:
    told = {**EXAMPLE, **change}
    assert not VALIDATOR.is_valid(told)
    with pytest.raises(ValueError, match=r"not a verdict|labels"):
        entry_of(json.dumps(told).encode(), identity="1", now=EXAMPLE["end"] + LATER_S)


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": "expected"},
        {"verdict": "incident", "labels": {"instance": "sw1"}},
        {"who": "n" * 200},
        {"force": True},
        {"more": 1},
    ],
)
def test_the_detector_takes_what_the_schema_allows(change: dict[str, Any]) -> None:
    told = {**EXAMPLE, **change}
    VALIDATOR.validate(told)
    assert entry_of(json.dumps(told).encode(), identity="1", now=EXAMPLE["end"]).verdict == told["verdict"]
