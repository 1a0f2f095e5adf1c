"""The table of transitions, as a table."""

import pytest

from alert_webhook.incidents.transitions import OPEN, PAGEABLE, TRANSITIONS, State, Trigger, after

COLUMNS = [
    Trigger.STEP_PAGED, Trigger.EXHAUSTED, Trigger.ACKNOWLEDGED, Trigger.ACK_ENDED, Trigger.HANDED_ON,
    Trigger.WORSENED, Trigger.SUPPRESSED, Trigger.RELEASED, Trigger.RESOLVED, Trigger.EXPIRED,
]  # fmt: skip
TABLE = {
    State.NEW:          "escalated  critical  acknowledged  -    new  new         suppressed  -    resolved  expired",
    State.ESCALATED:    "escalated  critical  acknowledged  -    new  escalated   suppressed  -    resolved  expired",
    State.CRITICAL:     "-          -         acknowledged  -    new  new         suppressed  -    resolved  expired",
    State.ACKNOWLEDGED: "-          -         acknowledged  new  new  new         suppressed  -    resolved  expired",
    State.SUPPRESSED:   "-          -         acknowledged  -    new  suppressed  -           new  resolved  expired",
    State.RESOLVED:     "-          -         -             -    -    -           -           -    -         -",
    State.EXPIRED:      "-          -         -             -    -    -           -           -    -         -",
}  # fmt: skip
CASES = [(state, trigger, TABLE[state].split()[column]) for state in State for column, trigger in enumerate(COLUMNS)]


@pytest.mark.parametrize(("state", "trigger", "expected"), CASES)
def test_every_state_and_trigger_has_the_documented_outcome(state: State, trigger: Trigger, expected: str) -> None:
    assert (after(state, trigger) or "-") == expected


def test_the_test_covers_every_trigger() -> None:
    assert set(COLUMNS) == set(Trigger)


def test_an_incident_that_is_over_stays_over() -> None:
    assert {state for state, _ in TRANSITIONS} == OPEN


def test_only_open_incidents_are_paged() -> None:
    assert PAGEABLE < OPEN
