"""The ack page in a real browser the size of a phone, with scripts switched off."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, request

from heronwatch.httpd_wsgi import WsgiServer
from heronwatch.values import HostPort
from tests.alert_webhook.web.conftest import link_of
from tests.fakes.browser import Browser, chromium
from tests.fakes.webhook_stack import Stack

pytestmark = pytest.mark.browser
PHONE = (390, 844)
SMALLEST_TOUCH = 44  # CSS pixels: WCAG 2.2, target size (enhanced)


@pytest.fixture
def origins(public: Flask) -> list[tuple[str, str | None, str | None]]:
    """What the browser says about where a request comes from."""
    seen: list[tuple[str, str | None, str | None]] = []

    @public.before_request
    def note() -> None:
        seen.append((request.method, request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")))

    return seen


@pytest.fixture
def address(stack: Stack, public: Flask, origins: Any) -> Iterator[str]:
    stack.fire("AnomalyDetected", severity="info", instance="ups-2", ifName="uplink")
    stack.fire("UpsOnBattery", instance="ups-2", site="a-site-with-quite-a-long-name-that-has-to-go-somewhere")
    stack.mailbox("ana").expects()
    path = link_of(stack.phone("ana").expects())
    server = WsgiServer(public, listen=HostPort("127.0.0.1", 0))
    server.start()
    yield f"http://127.0.0.1:{server.port}{path}"
    server.stop()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(Path(tmp_path_factory.mktemp("chromium"))) as made:
        yield made


@pytest.mark.timeout(120)
def test_person_acknowledges_on_a_phone(
    browser: Browser, address: str, origins: list[tuple[str, str | None, str | None]]
) -> None:
    browser.phone(*PHONE)
    browser.requests.clear()
    browser.complaints.clear()
    browser.open(address)
    browser.sees("nobody yet")
    browser.press("button")
    browser.sees("Acknowledged by ana")
    assert ("POST", "null", "same-origin") in origins  # why `Origin: null` has to be taken
    assert {url.partition("/favicon")[0] for url in browser.requests} <= {address, address.partition("/a/")[0]}
    assert not [each for each in browser.complaints if "favicon" not in each]


@pytest.mark.timeout(120)
def test_page_fits_a_phone(browser: Browser, address: str) -> None:
    browser.phone(*PHONE)
    browser.open(address)
    browser.sees("nobody yet")
    assert browser.value("document.documentElement.scrollWidth") == PHONE[0]
    left, top, right, bottom = browser.value(
        "(r => [r.left, r.top, r.right, r.bottom])(document.querySelector('button').getBoundingClientRect())"
    )
    assert bottom - top >= SMALLEST_TOUCH
    assert (left >= 0, right <= PHONE[0], bottom <= PHONE[1]) == (True, True, True)


def luminance(color: str) -> float:
    """Relative luminance by WCAG 2.2."""
    channels = [int(part) / 255 for part in color.removeprefix("rgb(").removesuffix(")").split(",")]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_is_readable_by_day_and_by_night(browser: Browser, address: str, scheme: str) -> None:
    """Contrast of at least 4.5 to 1 (WCAG 2.2, contrast minimum), and dark in the dark."""
    browser.phone(*PHONE, scheme=scheme)
    browser.open(address)
    browser.sees("nobody yet")
    page = luminance(browser.value("getComputedStyle(document.body).backgroundColor"))
    assert page < 0.05 if scheme == "dark" else page > 0.7
    for selector, behind in [
        ("h1", "body"),
        ("dd", ".card"),
        ("small", ".card"),
        ("button", "button"),
        (".pill", "body"),
    ]:
        text = luminance(browser.value(f"getComputedStyle(document.querySelector('{selector}')).color"))
        back = luminance(browser.value(f"getComputedStyle(document.querySelector('{behind}')).backgroundColor"))
        assert (max(text, back) + 0.05) / (min(text, back) + 0.05) >= 4.5, selector


@pytest.mark.timeout(120)
def test_person_snoozes_by_the_folded_forms(browser: Browser, address: str, stack: Stack) -> None:
    """Without a script: the fold opens, the choice is sent, the page says until when."""
    browser.phone(*PHONE)
    browser.open(address)
    browser.sees("nobody yet")
    assert "Resolve" not in browser.text().split("Snooze, escalate, resolve")[1].split()
    browser.press("summary")
    browser.sees("Page the next step now")
    heights = browser.value(
        "[...document.querySelectorAll('details button, select, summary')].map(e => e.getBoundingClientRect().height)"
    )
    assert min(heights) >= SMALLEST_TOUCH
    browser.press("button[value=snooze]")
    browser.sees("Acknowledged by ana")
    browser.sees("Pages again")
    stack.nothing_else()
