"""What the log says about pages that were not accepted."""

import io
import logging
from collections.abc import Iterator

import pytest

from alert_webhook.config import PolicyBlock, StepBlock
from alert_webhook.delivery.channel import Outcome, Permanent, Receipt, Retry, Unknown
from alert_webhook.delivery.gate import LiveGate
from alert_webhook.delivery.sending_log import LINES, TAKEN_LINES, FailureLog, TakenLog, without_addresses
from alert_webhook.oncall.person_blocks import ContactBlock, PersonBlock
from heronwatch.logs import LogFormatter, LogHandler
from heronwatch.values import Duration
from tests.fakes.channel_rigs import sample_message
from tests.fakes.clock import FakeClock
from tests.fakes.webhook_stack import Stack, config

NUMBER = "+34600123456"
KEY = "uQiRzpo4DXghDmr9QzzfQu27cmVRsG"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What a server writes."""
    written, root = io.StringIO(), logging.getLogger()
    handler, level = LogHandler(written), root.level
    handler.setFormatter(LogFormatter("logfmt"))
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield written
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture
def stack(stack: Stack) -> Stack:
    """One person, one contact, one step."""
    people = {"ana": PersonBlock(contacts=(ContactBlock(channel="sms", address=NUMBER),))}
    policies = {"default": PolicyBlock(steps=(StepBlock(notify=("ana",)),), exhausted_after=Duration(86_400))}
    stack.settings = config(people=people, policies=policies)
    stack.gate = LiveGate(lambda: stack.settings)
    return stack


def lines(log: io.StringIO, words: str) -> list[str]:
    return [line for line in log.getvalue().splitlines() if words in line]


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (
            Retry(f"it refuses connections to {NUMBER}"),
            ("outcome=retry", "it refuses connections to …", 'next_try="in '),
        ),
        (Unknown("no answer in time"), ("outcome=unknown", "no answer in time", 'next_try="in ')),
        (Permanent(f"HTTP 400: {KEY}"), ("outcome=permanent", "HTTP 400: …", "next_try=none")),
    ],
)
def test_a_page_that_is_not_accepted_is_a_warning(
    stack: Stack, log: io.StringIO, outcome: Outcome, said: tuple[str, ...]
) -> None:
    stack.channels["sms"].answers = [outcome]
    stack.fire("Down")
    (line,) = lines(log, "a page was not accepted")
    assert "level=warning" in line
    for words in ("channel=sms", "contact=ana/sms", "incident=", *said):
        assert words in line, line
    assert "600123456" not in log.getvalue()
    assert KEY not in log.getvalue()
    stack.fast_forward(minutes=2)
    stack.collect()
    stack.unexpected.clear()


def test_the_first_failure_and_the_last_are_logged_and_the_breaker(stack: Stack, log: io.StringIO) -> None:
    stack.channels["sms"].default = Retry("HTTP 503")
    stack.fire("Down")
    stack.fast_forward(minutes=45)
    attempts = len(stack.channels["sms"].attempts)
    assert attempts > 5
    first, *_ = lines(log, "page")
    assert "next_try=none" not in first
    given_up = lines(log, "given up")
    assert len(given_up) >= 1
    assert len(lines(log, "left in peace")) == 1
    stack.channels["sms"].default = Receipt("ref")
    stack.fire("Other")
    stack.fast_forward(minutes=3)
    assert len(lines(log, "a provider works again")) == 1
    stack.collect()
    stack.unexpected.clear()


def test_an_outage_is_a_bounded_number_of_lines_and_a_count(stack: Stack, log: io.StringIO) -> None:
    stack.channels["sms"].default = Permanent("HTTP 400")
    for number in range(LINES + 15):
        stack.fire(f"Down{number}")
    assert len(lines(log, "a page was not accepted")) == LINES
    stack.channels["sms"].default = Receipt("ref")
    stack.clock.advance(61)
    stack.fire("Last")
    (line,) = lines(log, "more pages were not accepted")
    assert "left_out=15" in line
    stack.collect()
    stack.unexpected.clear()


def test_each_minute_has_its_lines(log: io.StringIO) -> None:
    clock = FakeClock()
    failures = FailureLog(clock.monotonic)
    for _ in range(3):
        for _ in range(1000):
            failures.warn("no")
        clock.advance(60)
        failures.say_left_out()
    assert len(lines(log, "msg=no")) == 3 * LINES
    assert [line.rsplit("left_out=")[1] for line in lines(log, "left_out=")] == [str(1000 - LINES)] * 3


def test_a_message_that_a_provider_takes_is_a_line(stack: Stack, log: io.StringIO) -> None:
    stack.channels["sms"].answers = [Retry("HTTP 503")]
    stack.fire("Down", site="secret place")
    stack.fast_forward(minutes=2)
    message = stack.phone("ana").expects("Down")
    stack.resolve("Down", site="secret place")
    stack.phone("ana").expects("Down")
    first, second = lines(log, "a message was taken by its provider")
    for words in ("level=info", "contact=ana/sms", "channel=sms", f"incident={message.incident.code}", "reason=page"):
        assert words in first, first
    assert "attempt=2" in first
    assert "reason=resolved" in second
    assert "600123456" not in log.getvalue()
    assert "secret place" not in first + second


def test_what_is_taken_is_a_bounded_number_of_lines_and_a_count(log: io.StringIO) -> None:
    clock = FakeClock()
    taken = TakenLog(clock.monotonic)
    for _ in range(TAKEN_LINES + 7):
        taken.taken("sms", sample_message("x"), told_besides=0)
    clock.advance(61)
    taken.say_left_out()
    assert len(lines(log, "was taken by its provider")) == TAKEN_LINES
    (line,) = lines(log, "more messages were taken")
    assert "left_out=7" in line


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("HTTP 503", "HTTP 503"),
        ("SMTP 550 5.1.1 <ana@example.org>: no such user", "SMTP 550 5.1.1 <…>: no such user"),
        ("Twilio's error 21610", "Twilio's error 21610"),
        ("to 600-123-456 refused", "to … refused"),
        (f"user {KEY} is invalid", "user … is invalid"),
        ("see https://pager.example.org/a/abc", "see [link]"),
        ("two\nlines", "two lines"),
        ("pager.lan:8080 refused for room #ops", "pager.lan:8080 refused for room …"),
    ],
)
def test_reasons_hold_nothing_to_reach_anybody_by(reason: str, said: str) -> None:
    assert without_addresses(reason, ("#ops",)) == said
