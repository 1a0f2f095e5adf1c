"""How much one contact is sent."""

import pytest
from msgspec.structs import replace

from alert_webhook.delivery.channel import Message, Reason
from alert_webhook.delivery.throttle import throttled
from tests.fakes.channel_rigs import sample_message

NOW = 1_800_000_000.0
MINUTE = 60.0


def page(severity: str = "high", reason: Reason = Reason.PAGE) -> Message:
    plain = sample_message("x", reason=reason)
    return replace(plain, incident=replace(plain.incident, severity=severity))


TABLE = [  # (minutes ago of each recent message, again in minutes; None: now)
    ([], None),
    ([1, 2, 3, 4], None),
    ([1, 2, 3, 4, 5], 10.0),
    ([1, 2, 3, 4, 14.9], 0.1),
    ([1, 2, 3, 4, 15], None),
    ([1, 1, 1, 1, 1, 1, 1], 14.0),
    ([16] * 10, None),
    ([16] * 11, 44.0),
    ([16] * 5 + [59] * 6, 1.0),
    ([16] * 5 + [60] * 6, None),
    ([61] * 20, None),
    ([61] * 21, 119.0),
    ([181] * 50, None),
]


@pytest.mark.parametrize(("minutes_ago", "again_in"), TABLE)
def test_limits(minutes_ago: list[float], again_in: float | None) -> None:
    decision = throttled(page(), [NOW - minutes * MINUTE for minutes in minutes_ago], NOW)
    assert decision.send is (again_in is None)
    if again_in is not None:
        assert decision.again_at - NOW == pytest.approx(again_in * MINUTE)
        assert decision.reason


CRITICAL_TABLE = [  # (seconds ago of each recent message, again in seconds; None: now)
    ([], None),
    ([1.0] * 14, None),
    ([1.0] * 15, 59.0),
    ([0.0] * 1000, 60.0),
    ([*[300.0] * 15, 60.0], None),  # one a minute, whatever was before
    ([*[300.0] * 15, 59.0], 1.0),
    ([*[899.5] * 2, *[10.0] * 14], 0.5),  # the limit is free again before the minute is over
    ([900.0] * 1000, None),
]


@pytest.mark.parametrize("reason", [Reason.PAGE, Reason.FALLBACK, Reason.RESOLVED])
@pytest.mark.parametrize(("seconds_ago", "again_in"), CRITICAL_TABLE)
def test_critical_has_a_higher_limit_and_waits_for_a_minute_at_most(
    seconds_ago: list[float], again_in: float | None, reason: Reason
) -> None:
    decision = throttled(page("critical", reason), [NOW - seconds for seconds in seconds_ago], NOW)
    assert decision.send is (again_in is None)
    if again_in is not None:
        assert decision.again_at - NOW == pytest.approx(again_in)


def test_test_page_is_never_held_back() -> None:
    assert throttled(page("high", Reason.TEST), [NOW] * 1000, NOW).send


@pytest.mark.parametrize("reason", [Reason.PAGE, Reason.FALLBACK, Reason.RESOLVED])
def test_everything_else_is_counted(reason: Reason) -> None:
    assert not throttled(page("high", reason), [NOW] * 5, NOW).send


def test_order_of_the_past_does_not_matter() -> None:
    recent = [NOW - minutes * MINUTE for minutes in (1, 5, 3, 2, 4)]
    assert throttled(page(), recent, NOW) == throttled(page(), sorted(recent), NOW)


def test_message_goes_out_when_it_was_told_to_come_again() -> None:
    recent = [NOW - minutes * MINUTE for minutes in (1, 2, 3, 4, 5)]
    again_at = throttled(page(), recent, NOW).again_at
    assert throttled(page(), recent, again_at).send
