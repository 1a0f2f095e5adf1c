"""The outward heartbeat: sent while everything is on time, withheld when something is not; never more than that."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from alert_webhook.config import Config
from alert_webhook.watch.blocks import HealthBlock, HeartbeatBlock
from alert_webhook.watch.heartbeat import beat
from alert_webhook.watch.lookout import Lookout, WatchMeters
from heronwatch.values import Duration, HttpUrl, Network
from tests.fakes.webhook_stack import Stack, config


class Listener(ThreadingHTTPServer):
    """Counts what it hears, and answers with `status`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.heard: list[str] = []
        self.status = 200

    @property
    def block(self) -> HeartbeatBlock:
        url = HttpUrl(f"http://127.0.0.1:{self.server_address[1]}/beat")
        return HeartbeatBlock(url=url, every=Duration(60), allowed_networks=(Network.parse("127.0.0.0/8"),))


class _Handler(BaseHTTPRequestHandler):
    server: Listener

    def do_GET(self) -> None:
        self.server.heard.append(self.path)
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture
def watch(stack: Stack, listener: Listener) -> Lookout:
    stack.settings = configured(listener)
    return Lookout(stack.parts, dict, WatchMeters(stack.registry))


def configured(listener: Listener) -> Config:
    return config(health=HealthBlock(heartbeat=listener.block))


def sample(stack: Stack, name: str, **labels: str) -> float | None:
    return stack.registry.get_sample_value(name, labels)


def test_it_is_heard_once_in_its_time(stack: Stack, watch: Lookout, listener: Listener) -> None:
    for _ in range(7):
        assert watch.look()
        stack.clock.advance(10)
    assert listener.heard == ["/beat", "/beat"]
    assert sample(stack, "heronwatch_webhook_audit_passed") == 1.0


def test_it_is_withheld_while_something_is_late(stack: Stack, watch: Lookout, listener: Listener) -> None:
    stack.post(stack.alert("LinkDown", "critical", 0, None, {}))
    stack.clock.advance(120)  # and no engine
    assert not watch.look()
    assert listener.heard == []
    assert sample(stack, "heronwatch_webhook_audit_passed") == 0.0
    assert sample(stack, "heronwatch_webhook_heartbeats_total", outcome="withheld") == 1.0
    stack.settle()
    stack.clock.advance(60)
    assert watch.look()
    assert listener.heard == ["/beat"]
    stack.phone("ana").expects("LinkDown")
    stack.mailbox("ana").expects("LinkDown")


@pytest.mark.parametrize(("status", "said"), [(204, ""), (302, "HTTP 302"), (500, "HTTP 500")])
def test_what_the_other_side_answers(listener: Listener, status: int, said: str) -> None:
    listener.status = status
    assert beat(listener.block) == said


def test_an_address_that_is_not_allowed_is_not_called(listener: Listener) -> None:
    url = listener.block.url
    assert beat(HeartbeatBlock(url=url))
    assert listener.heard == []
