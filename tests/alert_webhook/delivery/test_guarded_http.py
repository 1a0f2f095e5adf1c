"""Outgoing HTTP goes only where it may, to the address that was checked, and what comes back is an outcome."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest
import responses

from alert_webhook.delivery.channel import Channel, ChannelContext, Outcome, Permanent, Receipt, Retry, Unknown
from alert_webhook.delivery.channels.twilio_sms import PLUGIN as TWILIO
from alert_webhook.delivery.channels.twilio_sms import TwilioSmsBlock
from alert_webhook.delivery.channels.webhook import PLUGIN as WEBHOOK
from alert_webhook.delivery.channels.webhook import ExactUrl, WebhookBlock
from alert_webhook.delivery.guarded_http import Answer, GuardedHttp, retry_after
from alert_webhook.delivery.reachable import permitted, url_fault
from heronwatch.secrets import Secret
from heronwatch.values import HttpUrl, Network
from tests.fakes.channel_rigs import sample_message
from tests.fakes.http_provider import Requests, answering, http
from tests.fakes.raw_server import LOOPBACK, RawServer, raw_server
from tests.fakes.twilio import ACCOUNT

LOCAL = (Network.parse("127.0.0.0/8"), Network.parse("::1"))
PUBLIC = ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]
INSIDE = [
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",  # cloud metadata
    "100.64.0.1",  # carrier-grade NAT
    "100.100.100.200",
    "192.0.0.192",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",  # NAT64 of 127.0.0.1
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",  # 6to4 of 127.0.0.1
    "2002:a00:1::1",
    "2001:0:53aa:64c::1",  # Teredo
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "ff02::1",
    "2001:db8::1",
    "100::1",
    "::127.0.0.1",
    "64:ff9b:1::a00:1",
    "fec0::1",
    "3fff::1",
    "5f00::1",
    "192.88.99.1",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_permitted(address: str) -> None:
    assert permitted(address, ())


@pytest.mark.parametrize("address", INSIDE)
def test_inside_addresses_are_not(address: str) -> None:
    assert not permitted(address, ())


@pytest.mark.parametrize(
    ("address", "network"),
    [("10.1.2.3", "10.0.0.0/8"), ("::ffff:10.1.2.3", "10.0.0.0/8"), ("fd00::1", "fd00::/8")],
)
def test_named_networks_are_permitted(address: str, network: str) -> None:
    assert permitted(address, (Network.parse(network),))
    assert not permitted("192.168.0.1", (Network.parse(network),))


@pytest.fixture
def kept() -> Requests:
    return Requests()


@pytest.fixture
def inner(kept: Requests) -> Iterator[RawServer]:
    """Something inside that must not be reached."""
    with raw_server(answering(lambda _request: http(200, b"secret"), kept=kept)) as server:
        yield server


SPELLINGS = [  # of loopback, as the system's resolver takes them
    "127.0.0.1",
    "localhost",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "017700000001",
    "127.1",
    "0",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[0:0:0:0:0:ffff:7f00:1]",
    "LOCALHOST.",
    "①②⑦.0.0.1",
    "127。0。0。1",  # dots that IDNA takes for dots
    "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
    "8.8.8.8@127.0.0.1",
    "hooks.example.org:443@localhost",
    "user:pw%40hooks.example.org@[::1]",
    "127.0.0.1%2F@localhost",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_spelling_leads_inside(inner: RawServer, kept: Requests, scheme: str, spelling: str) -> None:
    outcome = GuardedHttp(()).post(f"{scheme}://{spelling}:{inner.port}/", timeout_s=5)
    assert isinstance(outcome, Permanent | Retry), outcome
    assert (inner.connections, kept.all) == (0, [])


def resolves_to(*addresses: str) -> Any:
    """A resolver that gives each of these answers in turn, the last one for ever."""
    left = list(addresses)

    def getaddrinfo(_host: str, port: int, *_args: object, **_more: object) -> Any:
        address = left.pop(0) if len(left) > 1 else left[0]
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (address, port))]

    return getaddrinfo


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "10.0.0.7", "::1", "::ffff:127.0.0.1"])
def test_name_that_resolves_inside_is_refused(inner: RawServer, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolves_to(address))
    outcome = GuardedHttp(()).post(f"https://hooks.example.org:{inner.port}/", timeout_s=5)
    assert isinstance(outcome, Permanent)
    assert "allowed_networks" in outcome.reason
    assert inner.connections == 0


def test_address_that_was_checked_is_the_one_used(inner: RawServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: a second look would lead inside, so there is none."""
    monkeypatch.setattr(socket, "getaddrinfo", resolves_to("8.8.8.8", "127.0.0.1"))
    tried: list[str] = []

    class Socket(socket.socket):
        def connect(self, address: Any, /) -> None:
            tried.append(address[0])
            raise ConnectionRefusedError

    monkeypatch.setattr(socket, "socket", Socket)
    outcome = GuardedHttp(()).post(f"https://hooks.example.org:{inner.port}/", timeout_s=5)
    assert isinstance(outcome, Retry)
    assert (tried, inner.connections) == (["8.8.8.8"], 0)


def test_only_the_permitted_of_several_addresses_are_tried(inner: RawServer, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, inner.port)) for address in ("10.0.0.1", LOOPBACK)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: found)
    answer = GuardedHttp(LOCAL).post(f"http://hooks.example.org:{inner.port}/", timeout_s=5)
    assert isinstance(answer, Answer)
    assert answer.status == 200


def test_clear_text_goes_to_named_networks_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolves_to("8.8.8.8"))
    outcome = GuardedHttp(LOCAL).post("http://hooks.example.org/", timeout_s=5)
    assert isinstance(outcome, Permanent)
    assert "write https" in outcome.reason


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(inner: RawServer, kept: Requests, status: int) -> None:
    there = {"Location": f"http://127.0.0.1:{inner.port}/inside"}
    with raw_server(answering(lambda _request: http(status, headers=there))) as outer:
        answer = GuardedHttp(LOCAL).post(f"http://127.0.0.1:{outer.port}/", timeout_s=5)
    assert isinstance(answer, Answer)
    assert (answer.status, kept.all) == (status, [])


def test_environment_has_no_say(
    inner: RawServer, kept: Requests, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login canary password canary\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    answer = GuardedHttp(LOCAL).post(f"http://127.0.0.1:{inner.port}/", timeout_s=5, data=b"x")
    assert isinstance(answer, Answer)
    assert "authorization" not in kept.all[0].headers


def test_provider_is_not_remembered(kept: Requests) -> None:
    """No cookies, no kept connection that the provider may just have closed."""
    cookie = {"Set-Cookie": "track=1; Path=/"}
    with raw_server(answering(lambda _request: http(200, headers=cookie), kept=kept)) as server:
        guarded = GuardedHttp(LOCAL)
        for _ in range(3):
            assert isinstance(guarded.post(f"http://127.0.0.1:{server.port}/", timeout_s=5), Answer)
        assert server.connections == 3
    assert not [request for request in kept.all if "cookie" in request.headers]


@pytest.mark.parametrize(
    "url", ["", "x", "ftp://8.8.8.8/", "http://", "http://[::1", "http://a b/", "//x", "file:///etc/x"]
)
def test_what_is_no_url_is_an_outcome(url: str) -> None:
    assert isinstance(GuardedHttp(LOCAL).post(url, timeout_s=1), Permanent | Retry)


@pytest.mark.parametrize(
    ("url", "networks", "fault"),
    [
        ("https://api.twilio.com", (), None),
        ("https://hooks.example.org:8443/x", (), None),
        ("https://10.0.0.5/x", (), "the address is inside"),
        ("https://10.0.0.5/x", ("10.0.0.0/8",), None),
        ("https://[::1]/x", (), "the address is inside"),
        ("http://hooks.example.org", (), "without TLS"),
        ("http://8.8.8.8", ("10.0.0.0/8",), "without TLS"),
        ("http://10.0.0.5", ("10.0.0.0/8",), None),
        ("http://sink.example.org", ("10.0.0.0/8",), None),
    ],
)
def test_url_is_judged_when_the_configuration_loads(url: str, networks: tuple[str, ...], fault: str | None) -> None:
    said = url_fault(HttpUrl.parse(url), [Network.parse(network) for network in networks])
    assert (said or "").startswith(fault or "")
    assert bool(said) == bool(fault)


NOW = 1_800_000_000.0
WAITS = [
    ("120", 120.0),
    ("0", 0.0),
    ("999999999999", 3600.0),
    ("-5", None),
    ("1.5", None),
    ("٣", None),
    ("", None),
    ("soon", None),
    ("Fri, 15 Jan 2027 08:02:00 GMT", 120.0),
    ("Fri, 15 Jan 2027 07:00:00 GMT", 0.0),
    ("Fri, 15 Jan 2027 08:02:00 -0000", 120.0),
    ("Fri, 99 Jan 2027 08:02:00 GMT", None),
    ("Fri, 15 Jan 99999 08:02:00 GMT", None),
]


@pytest.mark.parametrize(("value", "seconds"), WAITS)
def test_retry_after_is_read(value: str, seconds: float | None) -> None:
    assert retry_after({"retry-AFTER": value}, now=NOW) == seconds


def channel(name: str) -> tuple[Channel, str, str]:
    context = ChannelContext(name, "", bytes, lambda: NOW)
    if name == "webhook":
        url = ExactUrl.parse("https://hooks.example.org/x")
        return WEBHOOK.make(WebhookBlock(url=url), context), url, ""
    block = TwilioSmsBlock(account_sid=ACCOUNT, auth_token=Secret("t"), sender="+15005550006")
    url = f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    return TWILIO.make(block, context), url, "+34600000001"


def expected(name: str, status: int) -> type[Outcome]:
    """The table of statuses, once more and by itself."""
    if 200 <= status < 300:
        return Receipt if name == "webhook" or status == 201 else Unknown
    if status in {408, 425, 429} or 500 <= status <= 599:
        return Retry
    return Permanent if 300 <= status <= 499 else Unknown


@pytest.mark.parametrize("name", ["webhook", "twilio_sms"])
@responses.activate
def test_every_status_means_something(name: str) -> None:
    made, url, address = channel(name)
    body = '{"sid":"SM0123456789abcdef0123456789abcdef","status":"queued"}'
    for status in [*range(200, 600), 100, 101, 199, 600, 999]:
        responses.add(responses.POST, url, body=body, status=status, headers={"Retry-After": "7"})
        outcome = made.send(sample_message(address))
        assert type(outcome) is expected(name, status), (status, outcome)
        if isinstance(outcome, Retry):
            assert outcome.after_s == 7.0
        elif isinstance(outcome, Permanent):
            assert outcome.disable_contact is (status == 410 and name == "webhook")
        elif isinstance(outcome, Receipt) and name == "twilio_sms":
            assert outcome.reference == "SM0123456789abcdef0123456789abcdef"
        responses.reset()


def test_answer_is_cut() -> None:
    with raw_server(answering(lambda _request: http(500, b"x" * 1_000_000))) as server:
        answer = GuardedHttp(LOCAL).post(f"http://127.0.0.1:{server.port}/", timeout_s=5)
    assert isinstance(answer, Answer)
    assert len(answer.body) == 65_536
