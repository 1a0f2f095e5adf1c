"""What the JSON API reads from requests, and how it refuses them."""

import math
import re
from typing import TypeVar

import msgspec
from flask import request

from alert_webhook.web import guards

T = TypeVar("T")
MAX_BODY_BYTES = 10_000
LARGEST_ID = 2**62
WHOLE = re.compile(r"[0-9]{1,19}", re.ASCII)


class Refused(Exception):  # noqa: N818  # an answer, not a fault of ours
    """The request cannot be done as it is: status and reason."""

    def __init__(self, status: int, reason: str, *, wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.status = status
        self.wait_s = wait_s


def body(kind: type[T], public_url: str) -> T:
    """Return the request's body; only JSON is read, which no form of another site can send."""
    same_site(public_url)
    if request.mimetype != "application/json":
        raise Refused(415, "send JSON, Content-Type: application/json")
    request.max_content_length = MAX_BODY_BYTES
    try:
        return msgspec.json.decode(request.get_data(), type=kind)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(400, str(error)) from error


def same_site(public_url: str) -> None:
    """Refuse what a page of another site made a browser send."""
    hosts = guards.own_hosts(request.host, public_url)
    verdict = guards.same_site(request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin"), hosts)
    if not verdict.allowed:
        raise Refused(403, verdict.reason)


def number(name: str, default: float) -> float:
    """Return a parameter of the query as a finite number."""
    try:
        found = float(request.args.get(name, default))
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise Refused(400, f"{name} is not a number of Unix seconds")
    return found


def page(default: int) -> tuple[int, int | None]:
    """Return how many rows are asked for (1 or more), and the id to go on below, None for the newest."""
    return _whole("limit") or default, _whole("before")


def _whole(name: str) -> int | None:
    """Return a parameter of the query that counts from 1, None where it is not given."""
    text = request.args.get(name)
    if text is None:
        return None
    if not WHOLE.fullmatch(text) or not 0 < int(text) < LARGEST_ID:
        raise Refused(400, f"{name} is a whole number, 1 or more")
    return int(text)


def row_id(value: int) -> int:
    """Return the id of a row; what no database holds is not looked up."""
    if value >= LARGEST_ID:
        raise Refused(404, "no such number")
    return value
