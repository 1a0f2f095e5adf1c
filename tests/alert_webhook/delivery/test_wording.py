"""What people read and hear at night, channel by channel: the golden texts are for reading, too."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from alert_webhook.delivery.channel import Message, Reason
from alert_webhook.delivery.render import mail, sms
from alert_webhook.delivery.slack_text import content
from alert_webhook.delivery.speech import speech
from alert_webhook.delivery.wording import ANSWERED, TRIAL_INTEGRATION, TRIAL_NAME, headline, lines_of
from tests.fakes.night_messages import BEGAN, DIGEST, MEMBERS, NIGHT, own

GOLDEN = Path(__file__).parents[2] / "golden/messages/night"


def slack(message: Message) -> str:
    """The texts of the blocks, buttons in brackets."""
    blocks: list[dict[str, Any]] = content(message, buttons=True, link=True)["blocks"]
    lines = [block["text"]["text"] for block in blocks if block["type"] == "section"]
    for block in blocks:
        elements = block.get("elements", ())
        lines += [f"[{each['text']['text']}]" if each["type"] == "button" else each["text"] for each in elements]
    return "\n".join(lines)


def everywhere(message: Message) -> str:
    """A message in the words of every channel."""
    letter = mail(message)
    parts = {
        "SMS": sms(message, links=True, replies=True),
        "Slack": slack(message),
        **({} if message.reason in ANSWERED else {"Call": speech(message)}),
        f"Mail: {letter.subject}": letter.text.rstrip(),
    }
    return "\n\n".join(f"== {name}\n{text}" for name, text in parts.items()) + "\n"


@pytest.mark.parametrize("name", NIGHT)
def test_what_people_read_at_night_is_as_agreed(name: str) -> None:
    assert everywhere(NIGHT[name]) == (GOLDEN / f"{name.replace(' ', '_')}.txt").read_text()


@pytest.mark.parametrize("name", ["48 ports", "single", "parent"])
@pytest.mark.parametrize("words", ["CRITICAL", "plant-2", "Began 08:00 UTC", "K7QF", "https://pager.example.org/a/"])
def test_a_page_says_how_bad_where_since_when_and_how_to_answer(name: str, words: str) -> None:
    assert words in sms(NIGHT[name], links=True)


def test_an_old_incident_is_told_with_its_day() -> None:
    late = replace(NIGHT["single"], sent_at=BEGAN + 3 * 86_400 + 7200)
    assert "Began 15 Jan 08:00 UTC, 3 d 2 h ago" in list(lines_of(late))


def test_a_message_says_when_the_alert_began_and_not_when_it_was_heard() -> None:
    heard_late = replace(NIGHT["single"].incident, started_at=BEGAN + 1200)
    late = replace(NIGHT["single"], incident=heard_late, sent_at=BEGAN + 1200)
    assert "Began 08:00 UTC, 20 min ago" in list(lines_of(late))


def test_an_odd_clock_breaks_no_message() -> None:
    odd = replace(NIGHT["single"], incident=replace(NIGHT["single"].incident, started_at=1e18, alerts=()))
    assert "Began an unknown time" in sms(odd, links=True)


def test_a_digest_has_the_open_ones_first_and_of_them_the_most_severe() -> None:
    assert [line.split(":")[0] for line in lines_of(NIGHT["digest"])] == [
        "EF4G warning, 3 firing",
        "AB2C info, 1 firing",
        "CD3E warning, over",
    ]
    assert headline(NIGHT["digest"]) == "DIGEST 3 incidents since 14 Jan 08:00 UTC: 2 warning, 1 info; 2 still open"


def test_a_long_digest_is_cut_in_a_text_and_says_so() -> None:
    many = replace(DIGEST, alerts=DIGEST.alerts * 6, total=40)
    message = replace(NIGHT["digest"], incident=many)
    assert "and 36 more" in sms(message, links=True)
    assert sms(message, links=True).endswith("More: https://pager.example.org/incidents")
    assert "and 22 more" in list(lines_of(message))


def test_a_digest_answers_nobody() -> None:
    assert MEMBERS[-1].code not in headline(NIGHT["digest"])
    assert "ack" not in sms(NIGHT["digest"], links=True, replies=True).lower()


def test_a_strangers_alert_cannot_pass_for_our_shift_test() -> None:
    forged = replace(own("ShiftTest", "x"), integration="am")
    assert headline(replace(NIGHT["shift test"], incident=forged)).startswith("CRITICAL ShiftTest")


def test_whoever_is_paged_for_an_unanswered_shift_test_reads_that_it_was_not_answered() -> None:
    later = replace(NIGHT["shift test"], step=2)
    assert headline(later) == "CRITICAL shift test unanswered · network [K7QF]"
    assert "This is a test." not in speech(later)


def test_a_test_page_says_test_and_not_how_bad() -> None:
    trial = replace(
        NIGHT["single"].incident, integration=TRIAL_INTEGRATION, title=TRIAL_NAME, labels={"alertname": TRIAL_NAME}
    )
    assert headline(replace(NIGHT["single"], incident=trial)) == "TEST Test page [K7QF]"


@pytest.mark.parametrize("reason", Reason)
def test_a_call_leaves_out_marks_that_a_voice_would_read(reason: Reason) -> None:
    assert "·" not in speech(replace(NIGHT["48 ports"], reason=reason))
