"""Asking the running server to pause or resume a target."""

import base64
import json
import ssl
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener

from msgspec import Struct

from heronwatch.commands import EXIT_FAULT, EXIT_OK

TIMEOUT_S = 30.0
MOST_BYTES = 1_000_000


class Login(Struct, frozen=True, kw_only=True):
    """How to be let in: a user of the web config with a password file, and certificates to trust."""

    username: str = ""
    password_file: str = ""
    ca_file: str = ""


def send(url: str, action: str, target: str, login: Login) -> tuple[int, str]:
    """Send `pause` or `resume`; returns an exit status and what to tell the person."""
    if not url.startswith(("http://", "https://")):
        return EXIT_FAULT, f"{url!r} is no http or https URL"
    request = Request(  # noqa: S310  # the scheme was checked
        f"{url.rstrip('/')}/api/v1/{action}?target={quote(target, safe='')}", data=b"", method="POST"
    )
    context = ssl.create_default_context(cafile=login.ca_file or None)
    opener = build_opener(ProxyHandler({}), HTTPSHandler(context=context))
    for name, value in basic_authorization(login).items():
        request.add_header(name, value)
    try:
        with opener.open(request, timeout=TIMEOUT_S) as answer:
            paused = json.loads(answer.read(MOST_BYTES))["paused"]
    except HTTPError as error:
        return EXIT_FAULT, f"refused ({error.code}): {error.read(MOST_BYTES).decode(errors='replace').strip()}"
    except URLError as error:
        return EXIT_FAULT, f"no server answers at {url}: {error.reason} (another one: --url)"
    except (ValueError, KeyError, TypeError) as error:
        return EXIT_FAULT, f"what answers at {url} is no exporter of ours: {error}"
    now = f"paused now: {', '.join(paused) or 'nothing'}"
    alike = [name for name in paused if action == "resume" and name.startswith(f"{target}:")]
    if alike:
        return EXIT_FAULT, f"{target} was not paused, but {', '.join(alike)}: name it like this; {now}"
    return EXIT_OK, now


def basic_authorization(login: Login) -> dict[str, str]:
    """Return the header that logs in, or none without a user; raises OSError."""
    if not login.username:
        return {}
    password = Path(login.password_file).read_text().rstrip("\n") if login.password_file else ""
    return {"Authorization": "Basic " + base64.b64encode(f"{login.username}:{password}".encode()).decode()}
