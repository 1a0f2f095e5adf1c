"""Who may ask for what: the table of peers, web config and flag."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heronwatch.guards import Peer, host_of, is_local, is_loopback, lifecycle_allowed, listen_allowed

LOCAL = {"Host": "127.0.0.1:9810"}
REMOTE = "192.0.2.7"


@pytest.mark.parametrize(
    ("address", "headers", "local"),
    [
        ("127.0.0.1", LOCAL, True),
        ("127.8.9.10", {"Host": "localhost:9810"}, True),
        ("::1", {"Host": "[::1]:9810"}, True),
        ("::ffff:127.0.0.1", LOCAL, True),
        ("", {}, True),  # a Unix socket
        (REMOTE, LOCAL, False),
        ("::ffff:192.0.2.7", LOCAL, False),
        ("fe80::1%eth0", LOCAL, False),
        ("127.0.0.1", {"Host": "evil.example"}, False),  # DNS rebinding
        ("127.0.0.1", {"Host": "127.0.0.1.evil.example"}, False),
        ("127.0.0.1", {**LOCAL, "X-Forwarded-For": "192.0.2.7"}, False),
        ("127.0.0.1", {**LOCAL, "Forwarded": "for=192.0.2.7"}, False),
        ("127.0.0.1", {**LOCAL, "X-Real-IP": "192.0.2.7"}, False),
        ("127.0.0.1", {**LOCAL, "Via": "1.1 proxy"}, False),
        ("127.0.0.1", {**LOCAL, "Sec-Fetch-Site": "cross-site"}, False),
        ("127.0.0.1", {**LOCAL, "Sec-Fetch-Site": "same-site"}, False),
        ("127.0.0.1", {**LOCAL, "Sec-Fetch-Site": "same-origin"}, True),
        ("127.0.0.1", {**LOCAL, "Origin": "http://evil.example"}, False),
        ("127.0.0.1", {**LOCAL, "Origin": "null"}, False),
        ("127.0.0.1", {**LOCAL, "Origin": "http://127.0.0.1:3000"}, False),
        ("127.0.0.1", {**LOCAL, "Origin": "http://127.0.0.1:9810"}, True),
    ],
)
def test_what_is_local(address: str, headers: dict[str, str], local: bool) -> None:
    decision = is_local(Peer.of(address, headers))
    assert decision.allowed is local
    assert decision.reason


@pytest.mark.parametrize(("local", "lifecycle", "authenticated"), [*itertools.product((True, False), repeat=3)])
def test_lifecycle_table(local: bool, lifecycle: bool, authenticated: bool) -> None:
    peer = Peer.of("127.0.0.1" if local else REMOTE, LOCAL)
    decision = lifecycle_allowed(peer, enable_lifecycle=lifecycle, authenticated=authenticated)
    assert decision.allowed is (local or (lifecycle and authenticated))


def test_a_refusal_says_what_to_do() -> None:
    peer = Peer.of(REMOTE, LOCAL)
    no_flag = lifecycle_allowed(peer, enable_lifecycle=False, authenticated=True)
    assert no_flag.reason == "the request came from 192.0.2.7; start with --web.enable-lifecycle to allow this"
    no_users = lifecycle_allowed(peer, enable_lifecycle=True, authenticated=False)
    assert no_users.reason == (
        "the request came from 192.0.2.7; --web.enable-lifecycle needs a --web.config.file with users"
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback_may_always_be_listened_on(host: str) -> None:
    assert listen_allowed(host, authenticates=False).allowed


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "exporter.example"])
def test_elsewhere_wants_authentication_or_a_word(host: str) -> None:
    refused = listen_allowed(host, authenticates=False)
    assert not refused.allowed
    assert refused.reason == (
        f"listening on {host} would let anyone in: give --web.config.file with basic_auth_users or required client "
        "certificates, listen on 127.0.0.1, or say --web.insecure"
    )
    assert listen_allowed(host, authenticates=True).allowed
    assert listen_allowed(host, authenticates=False, open_because="--web.insecure").reason == "--web.insecure"


@pytest.mark.parametrize(
    ("header", "host"),
    [("a.example:80", "a.example"), ("A.Example", "a.example"), ("[::1]:9810", "::1"), ("[::1]", "::1"), ("", "")],
)
def test_host_of(header: str, host: str) -> None:
    assert host_of(header) == host


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_peer_gets_a_decision(address: str, host: str) -> None:
    peer = Peer.of(address, {"Host": host})
    if is_local(peer).allowed:
        assert is_loopback(address)


def test_no_host_is_every_interface_and_not_loopback() -> None:
    refused = listen_allowed("", authenticates=False)
    assert not refused.allowed
    assert "every interface" in refused.reason
