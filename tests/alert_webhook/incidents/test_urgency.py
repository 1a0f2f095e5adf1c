"""The label severity, as senders spell it."""

import pytest

from alert_webhook.config import DEFAULT_SEVERITIES, SeverityBlock
from alert_webhook.incidents.urgency import Urgency
from alert_webhook.intake.unlisted import LINES, UnlistedSeverities
from tests.fakes.webhook_stack import Stack, config

COUNTER = "heronwatch_webhook_alerts_unlisted_severity_total"


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("critical", "critical"),
        ("CRITICAL ", "critical"),
        (" Warning\t", "warning"),
        ("sev1", "high"),
        ("", "high"),
        ("critical!", "high"),
    ],
)
def test_severity_of_a_label(given: str, name: str) -> None:
    assert config().ranked().of({"severity": given}).name == name


def test_a_severity_that_is_listed_in_another_case_is_that_one() -> None:
    severities = {"P1": SeverityBlock(urgency=Urgency.PAGE), "p1": SeverityBlock(urgency=Urgency.DIGEST)}
    ranked = config(severities={**DEFAULT_SEVERITIES, **severities}).ranked()
    assert [ranked.of({"severity": given}).name for given in ("P1", "p1", "p1 ")] == ["P1", "p1", "p1"]


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Every field of the lines about severities."""
    return [str(vars(each)) for each in caplog.records if "a severity is not listed" in str(vars(each))]


def heard(stack: Stack) -> None:
    stack.collect()
    stack.unexpected.clear()


def test_unlisted_severities_are_counted_and_named_once(stack: Stack, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        stack.fire("A", severity="sev1")
    stack.fire("B", severity="CRITICAL ")
    heard(stack)
    assert stack.registry.get_sample_value(COUNTER, {"integration": "am"}) == 2
    (line,) = lines(caplog)
    assert all(word in line for word in ("sev1", "high"))


def test_a_flood_of_severities_is_no_flood_of_lines(stack: Stack, caplog: pytest.LogCaptureFixture) -> None:
    told = UnlistedSeverities(stack.meters.unlisted_severity)
    for number in range(LINES + 30):
        told.tell("am", {f"sev{number}": 1}, counts_as="high")
    assert len(lines(caplog)) == LINES
    assert stack.registry.get_sample_value(COUNTER, {"integration": "am"}) == LINES + 30
