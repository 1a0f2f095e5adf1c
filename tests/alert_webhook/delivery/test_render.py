"""What messages say: golden texts, and limits that hold whatever the alerts say."""

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from alert_webhook.delivery.channel import Message, Reason
from alert_webhook.delivery.gsm import BUDGET, GSM_BASIC, GSM_EXTENDED, MAX_SEGMENTS, gsm, septets
from alert_webhook.delivery.plain import clean, cut, web_link
from alert_webhook.delivery.render import mail, payload, sms
from tests.fakes.channel_rigs import sample_message

GOLDEN = Path(__file__).parents[2] / "golden/messages"
LINK = "https://pager.example.org/a/CanaryAckTokenCanary22"


def many(message: Message) -> Message:
    """Twelve alerts of 40, of which ten are shown."""
    alert = message.incident.alerts[0]
    alerts = tuple(replace(alert, annotations={"summary": f"<b>UPS {number}</b> & more"}) for number in range(12))
    return replace(message, incident=replace(message.incident, alerts=alerts, firing=38, total=40))


MESSAGES = {
    "page": sample_message("x"),
    "repeat": sample_message("x", possible_duplicate=True, attempt=2),
    "resolved": sample_message("x", reason=Reason.RESOLVED, ack_url="", context=()),
    "many": many(sample_message("x")),
}


@pytest.mark.parametrize("name", MESSAGES)
@pytest.mark.parametrize("form", ["sms", "subject", "txt", "html"])
def test_words_are_as_agreed(name: str, form: str) -> None:
    words = mail(MESSAGES[name])
    made = {"sms": sms(MESSAGES[name], links=True), "subject": words.subject, "txt": words.text, "html": words.html}
    assert made[form].rstrip() + "\n" == (GOLDEN / f"{name}.{form}").read_text()


def test_payload_is_as_agreed() -> None:
    made = json.loads(msgspec.json.encode(payload(sample_message(""))))
    assert made == json.loads((GOLDEN / "webhook.json").read_text())


TEXT = st.text(max_size=400) | st.text("[]{}^~|€\\\n\r\x00·é😀Łﬁ\u202e&<>", max_size=400)


@st.composite
def messages(draw: st.DrawFn) -> Message:
    plain = sample_message("x")
    alert = replace(
        plain.incident.alerts[0],
        labels=draw(st.dictionaries(TEXT, TEXT, max_size=4)),
        annotations={"summary": draw(TEXT), "description": draw(TEXT), "runbook_url": draw(TEXT)},
    )
    incident = replace(
        plain.incident,
        title=draw(TEXT),
        severity=draw(st.sampled_from(["critical", "high", ""])),
        source_url=draw(TEXT),
        alerts=(alert,) * draw(st.integers(0, 20)),
        firing=draw(st.integers(0, 10**6)),
        total=draw(st.integers(0, 10**6)),
    )
    return replace(
        plain,
        incident=incident,
        context=tuple(draw(st.lists(TEXT, max_size=3))),
        possible_duplicate=draw(st.booleans()),
        reason=draw(st.sampled_from(Reason)),
    )


def segments(text: str) -> int:
    """Segments of a message, by 3GPP TS 23.038 and 23.040: 160 septets alone, else 153 each; no escape is split."""
    if septets(text) <= 160:
        return 1
    count, room = 1, 153
    for character in text:
        width = 2 if character in GSM_EXTENDED else 1
        if width > room:
            count, room = count + 1, 153
        room -= width
    return count


@settings(deadline=None, max_examples=200)
@given(messages())
def test_sms_fits_with_its_link_whole(message: Message) -> None:
    text = sms(message, links=True)
    assert segments(text) <= MAX_SEGMENTS
    assert not set(text) - GSM_BASIC - GSM_EXTENDED
    assert text.endswith(f"\nAck: {LINK}")
    assert ("K7QF" in text) >= (message.reason is not Reason.DIGEST)
    assert ("(may be a repeat)" in text) >= message.possible_duplicate


@settings(deadline=None, max_examples=100)
@given(messages())
def test_sms_without_link_fits(message: Message) -> None:
    text = sms(message, links=False)
    assert segments(text) <= MAX_SEGMENTS
    assert LINK not in text


class Tags(HTMLParser):
    """Every tag and attribute of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _value in attrs}
        self.links |= {str(value) for name, value in attrs if name == "href"}


@settings(deadline=None, max_examples=100)
@given(messages())
def test_mail_holds_no_markup_but_ours(message: Message) -> None:
    words = mail(message)
    seen = Tags(words.html)
    assert seen.tags <= {"html", "body", "h2", "h3", "p", "em", "a", "ul", "li", "strong", "br", "small"}
    assert seen.attributes <= {"lang", "style", "href"}
    assert all(link.startswith(("https://", "http://")) for link in seen.links)
    assert len(words.subject) <= 150
    assert len(words.subject.splitlines()) == 1
    assert len(words.html) < 60_000


@settings(deadline=None)
@given(st.text(st.characters()), st.integers(1, 50))
def test_clean_text_is_one_printable_line(text: str, characters: int) -> None:
    line = clean(text)
    assert "\n" not in line
    assert not [c for c in line if c in "\r\t\x00\x1b\u2028\u202e\u200b"]
    assert len(cut(text, characters)) <= characters
    line.encode()


@given(st.text())
def test_gsm_text_is_gsm(text: str) -> None:
    assert not set(gsm(text)) - GSM_BASIC - GSM_EXTENDED


def test_budget_leaves_room_for_escapes_that_are_not_split() -> None:
    assert segments("[" * (BUDGET // 2)) == MAX_SEGMENTS
    assert segments("x" + "[" * (BUDGET // 2)) == MAX_SEGMENTS


LINKS: list[tuple[Any, bool]] = [
    ("https://wiki.example.org/ups?x=1#y", True),
    ("http://10.0.0.1/", True),
    ("javascript:alert(1)", False),
    (" https://x.org", False),
    ("https://x.org/\nBcc: x", False),
    ('https://x.org/"onclick="x', False),
    ("https://x.org/\u202egpj.exe", False),
    ("data:text/html,x", False),
    ("//x.org", False),
    ("https://x.org/" + "y" * 5000, False),
    ("", False),
]


@pytest.mark.parametrize(("url", "kept"), LINKS)
def test_only_web_links_are_kept(url: str, kept: bool) -> None:
    assert web_link(url) == (url if kept else "")


def test_anomaly_is_named_even_beside_long_texts() -> None:
    plain = sample_message("x")
    alert = replace(plain.incident.alerts[0], annotations={"summary": "s" * 1000})
    incident = replace(plain.incident, title="t" * 160, alerts=(alert,), firing=12)
    text = sms(replace(plain, incident=incident, possible_duplicate=True), links=True)
    assert "Also: Traffic on core-sw1 Gi1/0/48" in text
