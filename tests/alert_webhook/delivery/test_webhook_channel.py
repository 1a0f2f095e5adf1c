"""The generic webhook: signed as Standard Webhooks asks, one id for every attempt, to exactly the URL as written."""

import base64
import hashlib
import hmac
import json
import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from alert_webhook.delivery.channel import ChannelContext, Outcome, Receipt, Retry
from alert_webhook.delivery.channels.webhook import PLUGIN, ExactUrl, WebhookBlock, sign
from heronwatch.config import loads
from heronwatch.errors import ConfigError
from heronwatch.secrets import Secret
from heronwatch.values import Duration, Network
from tests.fakes.channel_rigs import sample_message
from tests.fakes.http_provider import Requests, answering, http
from tests.fakes.raw_server import RawServer, over_tls, raw_server

NOW = 1_800_000_000.5
LOCAL = (Network.parse("127.0.0.0/8"), Network.parse("::1"))


@pytest.fixture
def kept() -> Requests:
    return Requests()


@pytest.fixture
def server(kept: Requests) -> Iterator[RawServer]:
    with raw_server(answering(lambda _request: http(204), kept=kept)) as made:
        yield made


def send(url: str, message: Any = None, **changes: Any) -> Outcome:
    values = {"url": ExactUrl.parse(url), "allowed_networks": LOCAL, "timeout": Duration(10)}
    channel = PLUGIN.make(WebhookBlock(**{**values, **changes}), ChannelContext("hook", "", bytes, lambda: NOW))
    return channel.send(message or sample_message(""))


def test_body_is_the_message(server: RawServer, kept: Requests) -> None:
    assert send(f"http://127.0.0.1:{server.port}/hook") == Receipt(detail="HTTP 204")
    (request,) = kept.all
    assert request.headers["content-type"] == "application/json"
    golden = Path(__file__).parents[2] / "golden/messages/webhook.json"
    assert json.loads(request.body) == json.loads(golden.read_text())


@pytest.mark.parametrize("path", ["/hook", "/hook/", "/", "/hook?x=1&y=%20", "/a/b//"])
def test_url_is_kept_to_the_letter(server: RawServer, kept: Requests, path: str) -> None:
    send(f"http://127.0.0.1:{server.port}{path}")
    assert kept.all[0].path == path


def test_signature_can_be_checked(server: RawServer, kept: Requests) -> None:
    send(f"http://127.0.0.1:{server.port}/", signing_secret=Secret("a key"))
    (request,) = kept.all
    signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.body
    right = base64.b64encode(hmac.new(b"a key", signed, hashlib.sha256).digest()).decode()
    assert request.headers["webhook-signature"] == f"v1,{right}"
    assert request.headers["webhook-timestamp"] == "1800000000"


def test_signature_of_the_specifications_example() -> None:
    """The example of the Standard Webhooks libraries."""
    key = Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    made = sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}')
    assert made == "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_attempts_share_an_id(server: RawServer, kept: Requests) -> None:
    for attempt in (1, 2):
        send(f"http://127.0.0.1:{server.port}/", sample_message("", attempt=attempt, possible_duplicate=attempt > 1))
    first, second = kept.all
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert [json.loads(request.body)["possible_duplicate"] for request in kept.all] == [False, True]


def test_unsigned_where_there_is_no_key(server: RawServer, kept: Requests) -> None:
    send(f"http://127.0.0.1:{server.port}/")
    assert not {"webhook-signature", "authorization"} & set(kept.all[0].headers)


def test_bearer_token(server: RawServer, kept: Requests) -> None:
    send(f"http://127.0.0.1:{server.port}/", bearer_token=Secret("t0ken"))
    assert kept.all[0].headers["authorization"] == "Bearer t0ken"


@pytest.mark.parametrize("flaw", ["", "stranger", "name"])
def test_certificate_is_verified(kept: Requests, tmp_path: Path, flaw: str) -> None:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issuer = trustme.CA() if flaw == "stranger" else ca
    issuer.issue_cert("x.org" if flaw == "name" else "localhost").configure_cert(tls)
    with raw_server(over_tls(tls, answering(lambda _request: http(200), kept=kept))) as server:
        outcome = send(f"https://localhost:{server.port}/", ca_file=tmp_path / "ca.pem")
    if flaw:
        assert outcome == Retry("no connection: its certificate is not trusted")
        assert kept.all == []
    else:
        assert outcome == Receipt(detail="HTTP 200")


FAULTS = [
    ("url: http://hooks.example.org/x", "without TLS only addresses inside allowed_networks are reached"),
    ("url: https://192.168.0.1/x", "the address is inside"),
    ("url: https://hooks.example.org/x\nsigning_secret: whsec_!!!", "what follows whsec_ is not base64"),
    ("url: https://hooks.example.org/x\nca_file: /dev/null", "holds no certificates"),
    ("url: https://user:secret@hooks.example.org/x", "a URL holds no user and password here"),
    ("url: ftp://hooks.example.org/x", "is not a URL"),
]


@pytest.mark.parametrize(("text", "fault"), FAULTS)
def test_bad_blocks_are_refused_when_the_configuration_loads(text: str, fault: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(fault)):
        loads(f"{text}\n", WebhookBlock)


def test_contact_has_no_address() -> None:
    assert PLUGIN.address_fault("https://x.org")
    assert PLUGIN.address_fault("") is None
