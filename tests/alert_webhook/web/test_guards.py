"""Decisions about requests, and the tallies behind throttles."""

import pytest

from alert_webhook.web.guards import browser_uses_tls, form_key, form_key_fits, masked, own_hosts, same_site
from alert_webhook.web.tallies import Rate, Tally

HOSTS = own_hosts("Pager.example.org:9813", "https://outside.example.org/pager")

SITES = [  # (Sec-Fetch-Site, Origin, allowed)
    (None, None, True),
    ("same-origin", None, True),
    ("same-origin", "null", True),
    ("same-origin", "https://evil.example", True),  # a browser sets the first itself; a proxy may change the second
    ("none", None, True),
    ("cross-site", None, False),
    ("same-site", "https://outside.example.org", False),
    ("", None, False),
    ("nonsense", None, False),
    (None, "null", True),
    (None, "https://outside.example.org", True),
    (None, "http://pager.example.org:9813", True),
    (None, "http://pager.example.org", False),
    (None, "https://outside.example.org:8443", False),
    (None, "https://evil.example", False),
    (None, "", False),
    (None, "http://[::1", False),
    (None, "file://", False),
]


@pytest.mark.parametrize(("fetch_site", "origin", "allowed"), SITES)
def test_form_of_another_site(fetch_site: str | None, origin: str | None, allowed: bool) -> None:
    verdict = same_site(fetch_site, origin, HOSTS)
    assert (verdict.allowed, bool(verdict.reason)) == (allowed, not allowed)


def test_key_is_for_one_secret_and_one_purpose() -> None:
    key = form_key("secret", "purpose")
    assert form_key_fits(key, "secret", "purpose")
    assert not form_key_fits(key, "secret2", "purpose")
    assert not form_key_fits(key, "secret", "purpose2")
    assert not form_key_fits("", "secret", "purpose")
    assert "secret" not in key


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/a/AbC-_9", "/a/…"),
        ("/a/AbC/x", "/a/…/x"),
        ("/a/", "/a/"),
        ("https://x.org/a/AbC?x#y", "https://x.org/a/…?x#y"),
        ("GET /a/AbC HTTP/1.1", "GET /a/… HTTP/1.1"),
        ("/incidents", "/incidents"),
    ],
)
def test_links_are_masked(path: str, shown: str) -> None:
    assert masked(path) == shown


@pytest.mark.parametrize(
    ("secure", "host", "origin", "public_url", "tls"),
    [
        (True, "x", None, "", True),
        (False, "x", None, "", False),
        (False, "X.org", None, "https://x.org", True),
        (False, "x.org", None, "http://x.org", False),
        (False, "y.org", None, "https://x.org", False),
        (False, "y.org", "https://x.org", "", True),
        (False, "y.org", "http://x.org", "", False),
    ],
)
def test_secure_cookies_where_the_browser_uses_tls(
    secure: bool, host: str, origin: str | None, public_url: str, tls: bool
) -> None:
    assert browser_uses_tls(secure=secure, host=host, origin=origin, public_url=public_url) is tls


def test_tally_counts_in_a_window() -> None:
    tally = Tally(Rate(2, 10.0))
    tally.count("a", 0.0)
    tally.count("a", 4.0)
    assert (tally.wait_s("a", 5.0), tally.wait_s("b", 5.0)) == (5.0, 0.0)
    assert tally.wait_s("a", 10.0) == 0.0


def test_tally_forgets_on_success() -> None:
    tally = Tally(Rate(1, 10.0))
    tally.count("a", 0.0)
    tally.forget("a")
    assert tally.wait_s("a", 1.0) == 0.0


def test_tally_is_bounded() -> None:
    tally = Tally(Rate(3, 10.0), keys=100)
    for number in range(1000):
        tally.count(str(number), 0.0)
    assert (len(tally._moments), tally.wait_s("0", 1.0)) == (100, 0.0)
