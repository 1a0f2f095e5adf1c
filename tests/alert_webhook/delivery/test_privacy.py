"""`privacy: minimal`: no URL of ours reaches a provider but the ack link."""

import contextlib
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from alert_webhook.delivery.channel import ChannelContext, Message
from alert_webhook.delivery.channels.smtp import compose
from alert_webhook.delivery.privacy import minimal, without_urls
from alert_webhook.delivery.registry import CHANNELS
from alert_webhook.store.database import Store
from tests.fakes.channel_rigs import ACK_CANARY, RIGS, sample_message
from tests.fakes.clock import FakeClock
from tests.fakes.http_provider import Requests, answering, http
from tests.fakes.raw_server import raw_server
from tests.fakes.webhook_stack import FakeBlock, Stack, config

INSIDE = "https://wiki.inside.example/ups?id=7"
HTTP_CHANNELS = ("pushover", "slack", "twilio_sms", "twilio_voice", "webhook")


def gossip(address: str) -> Message:
    """A message that names a page of ours wherever a sender may put one."""
    plain = sample_message(address)
    alert = replace(
        plain.incident.alerts[0],
        name=f"Ups {INSIDE}",
        annotations={"summary": f"see {INSIDE}", "description": INSIDE, "runbook_url": INSIDE},
        labels={"alertname": INSIDE, "url": INSIDE},
        generator_url=INSIDE,
    )
    labels = {"url": INSIDE}
    incident = replace(plain.incident, title=f"down: {INSIDE}", source_url=INSIDE, labels=labels, alerts=(alert,))
    return replace(plain, incident=incident, context=(f"also {INSIDE}",))


@pytest.mark.parametrize("name", HTTP_CHANNELS)
def test_provider_reads_no_url_of_ours(name: str, tmp_path: Path) -> None:
    kept, rig = Requests(), RIGS.get(name)
    message = gossip(rig.address)
    with raw_server(answering(lambda _: http(503), kept=kept)) as server:
        context = ChannelContext(name, "", bytes, time.time)
        with contextlib.closing(CHANNELS.get(name).make(rig.block(server.port, 20.0, tmp_path), context)) as channel:
            channel.send(message)
            channel.send(minimal(message))
    full, bare = (request.body for request in kept.all)
    assert b"inside.example" in full
    assert b"inside.example" not in bare


def test_mail_holds_no_url_of_ours() -> None:
    full, bare = (
        compose(each, sender="x@example.org", now=0.0) for each in (gossip("a@b.org"), minimal(gossip("a@b")))
    )
    texts = ["".join(str(part.get_payload()) for part in mail.walk()) + mail["Subject"] for mail in (full, bare)]
    assert ["inside.example" in text for text in texts] == [True, False]
    assert ACK_CANARY in texts[1]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("http://10.0.0.1/x and HTTPS://a.b", "[link] and [link]"),
        ("grafana+http://x/y", "[link]"),
        ("www.inside.lan:3000/d/1", "[link]"),
        ("no link, a:b //c 10:30", "no link, a:b //c 10:30"),
    ],
)
def test_urls_are_found(text: str, left: str) -> None:
    assert without_urls(text) == left


@pytest.mark.parametrize(("privacy", "expected"), [("full", True), ("minimal", False)])
def test_setting_of_the_channel_decides(store: Store, clock: FakeClock, privacy: str, expected: bool) -> None:
    block = FakeBlock(privacy=privacy)  # type: ignore[arg-type]  # one of the two
    stack = Stack(store, clock, config(channels={"sms": block, "mail": FakeBlock()}))
    stack.post({**stack.alert("Down", "high", 0, None, {}), "annotations": {"summary": INSIDE}}, group="x")
    stack.settle()
    sent = stack.phone("ana").expects()
    assert (INSIDE in sent.incident.alerts[0].annotations["summary"]) == expected
    assert sent.ack_url
