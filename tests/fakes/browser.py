"""A real Chromium, driven over a pipe by the DevTools protocol: it opens pages and presses buttons as a person does."""

import contextlib
import itertools
import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.fakes.daemons import find_binary, stop_process, wait_until

STEP_S = 30.0
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--remote-debugging-pipe",
)


class Browser:
    """One tab. `requests` holds the URL of everything it asked for."""

    def __init__(self, out: int, back: int) -> None:
        self._out, self._back = out, back
        self._numbers = itertools.count(1)
        self._unread = b""
        self._session = ""
        self.requests: list[str] = []
        self.complaints: list[str] = []  # of the console: a blocked style, a missing file

    def start(self) -> None:
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Log", "DOM"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and wait for what it returns; events that come in between are noted."""
        number = next(self._numbers)
        session = {"sessionId": self._session} if self._session else {}
        command = {"id": number, "method": method, "params": parameters, **session}
        os.write(self._out, json.dumps(command).encode() + b"\0")
        while True:
            message = self._read()
            if message.get("id") == number:
                assert "error" not in message, (method, message["error"])
                return dict(message["result"])

    def phone(self, width: int, height: int, *, scheme: str = "light") -> None:
        """Be a phone, without scripts."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2, mobile=True)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.call("Emulation.setScriptExecutionDisabled", value=True)

    def open(self, url: str) -> None:
        self.call("Page.navigate", url=url)

    def sees(self, words: str) -> None:
        """Wait until the page shows these words."""
        wait_until(lambda: words in self.text(), STEP_S, f"{words!r} on the page")

    def text(self) -> str:
        """Return the page as it is drawn, as text."""
        document = self.call("Runtime.evaluate", expression="document.body ? document.body.innerText : ''")
        return str(document["result"]["value"])

    def value(self, expression: str) -> Any:
        """Return what an expression of ours says about the page; the page's own scripts stay off."""
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"]["value"]

    def press(self, selector: str) -> None:
        """Press the middle of an element with the mouse."""
        x, y = self.value(
            f"(r => [r.left + r.width / 2, r.top + r.height / 2])"
            f"(document.querySelector({json.dumps(selector)}).getBoundingClientRect())"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def _read(self) -> dict[str, Any]:
        ends = time.monotonic() + STEP_S
        while b"\0" not in self._unread:
            assert time.monotonic() < ends, "the browser does not answer"
            data = os.read(self._back, 1 << 20)
            assert data, "the browser is gone"
            self._unread += data
        line, _, self._unread = self._unread.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        self._note(message)
        return message

    def _note(self, message: dict[str, Any]) -> None:
        if message.get("method") == "Network.requestWillBeSent":
            self.requests.append(message["params"]["request"]["url"])
        elif message.get("method") == "Log.entryAdded":
            self.complaints.append(message["params"]["entry"]["text"])


@contextlib.contextmanager
def chromium(tmp_path: Path) -> Iterator[Browser]:
    """Start Chromium with a profile of its own; skips the test where there is none."""
    binary = find_binary("chromium", "chromium")
    to_read, out = os.pipe()
    back, to_write = os.pipe()
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    line = f'exec "$0" "$@" 3<&{to_read} 4>&{to_write}'
    with (tmp_path / "chromium.log").open("wb") as log:
        process = subprocess.Popen(
            ["bash", "-c", line, binary, *FLAGS, profile],
            pass_fds=(to_read, to_write),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    os.close(to_read)
    os.close(to_write)
    try:
        browser = Browser(out, back)
        browser.start()
        yield browser
        browser._session = ""
        browser.call("Browser.close")
    finally:
        stop_process(process)
        os.close(out)
        os.close(back)
