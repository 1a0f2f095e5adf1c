"""What reaches people's phones and chats when alerts are hostile: text, and no control of whatever shows it."""

import contextlib
import time
import unicodedata
import xml.etree.ElementTree as ET
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import pytest
from msgspec.structs import replace

from alert_webhook.delivery.channel import ChannelContext, Message, Receipt
from alert_webhook.delivery.registry import CHANNELS
from tests.fakes.channel_rigs import RIGS, sample_message
from tests.fakes.raw_server import Behaviour, raw_server

EVIL = (
    "</Say><Dial>+1</Dial>\r\n\x00\x1b[31m<!channel> <@U1|x> [a](http://evil) @everyone\u202egpj.exe \u2028"
    "{{ 'a' * 10**9 }}{% for i in range(10**9) %}{% endfor %}{0.__class__}%n"
)
TAGS = {"Response", "Gather", "Say"}  # what a call of ours is made of


class Tap:
    """A socket that remembers what it read."""

    def __init__(self, sock: Any, into: list[bytes]) -> None:
        self._sock, self._into = sock, into

    def recv(self, size: int) -> bytes:
        data: bytes = self._sock.recv(size)
        self._into.append(data)
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


def tapped(behave: Behaviour, into: list[bytes]) -> Behaviour:
    return lambda sock: behave(Tap(sock, into))  # type: ignore[arg-type]  # it does what a socket does


def hostile(address: str) -> Message:
    """A message every text of which means harm."""
    plain = sample_message(address)
    alert = replace(
        plain.incident.alerts[0], labels={EVIL: EVIL}, annotations=dict.fromkeys(("summary", "description"), EVIL)
    )
    incident = replace(plain.incident, title=EVIL, severity=EVIL, alerts=(alert,), acked_by=EVIL, folded_total=2)
    return replace(plain, incident=incident, context=(EVIL,), recipient=replace(plain.recipient, name=EVIL))


def texts(value: Any) -> list[str]:
    """Every text in what was sent."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for each in value.values() for text in texts(each)]
    return [text for each in value for text in texts(each)] if isinstance(value, list) else []


def sent_by(name: str, folder: Any) -> list[str]:
    """Send the hostile message; return the texts of the request."""
    rig, got = RIGS.get(name), list[bytes]()
    with raw_server(tapped(rig.cases(folder)["success"].behave, got)) as server:
        context = ChannelContext(name, "https://pager.example.org", bytes, time.time)
        made = CHANNELS.get(name).make(rig.block(server.port, 10.0, folder), context)
        with contextlib.closing(made) as channel:
            assert isinstance(channel.send(hostile(rig.address)), Receipt)
    _head, _, body = b"".join(got).partition(b"\r\n\r\n")
    if body.startswith(b"{"):
        return texts(msgspec.json.decode(body))
    return [value for _name, value in parse_qsl(body.decode())]


@pytest.mark.parametrize("name", ["pushover", "slack", "twilio_sms", "twilio_voice"])
def test_no_text_controls_what_shows_it(name: str, tmp_path: Any) -> None:
    odd = [c for text in sent_by(name, tmp_path) for c in text if unicodedata.category(c) in {"Cc", "Cf", "Zl", "Cs"}]
    assert set(odd) <= {"\n"}


def test_slack_is_told_of_nobody_and_of_no_link(tmp_path: Any) -> None:
    marked_up = [text for text in sent_by("slack", tmp_path) if "&lt;!channel&gt;" in text]
    assert marked_up  # the one text that Slack reads as more than plain
    assert not [text for text in marked_up if "<" in text]


def test_a_call_is_made_of_our_elements_alone(tmp_path: Any) -> None:
    (document,) = [text for text in sent_by("twilio_voice", tmp_path) if text.startswith("<?xml")]
    assert {each.tag for each in ET.fromstring(document).iter()} == TAGS
    assert "Dial" in "".join(ET.fromstring(document).itertext())  # said, not done
