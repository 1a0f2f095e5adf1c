"""As much of Twilio as we use: it checks what Twilio checks, keeps what it took, and signs what it calls back with."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from tests.fakes.http_provider import HttpRequest, http

ACCOUNT = "AC" + "0123456789abcdef" * 2
KEY = "SK" + "fedcba9876543210" * 2
SERVICE = "MG" + "00112233445566aa" * 2
SENDER = "+15005550006"
MAX_BODY, MAX_TWIML = 1600, 4000
ROOT = f"/2010-04-01/Accounts/{ACCOUNT}/"


@dataclass
class Twilio:
    """An account. `refusals` maps numbers to Twilio's error codes; `states` is what a look-up finds, by sid."""

    secret: str
    user: str = ACCOUNT
    refusals: dict[str, int] = field(default_factory=dict)
    unreachable_callbacks: bool = False
    taken: list[dict[str, str]] = field(default_factory=list)
    calls: list[dict[str, str]] = field(default_factory=list)
    events: list[list[str]] = field(default_factory=list)  # StatusCallbackEvent of each call
    states: dict[str, dict[str, object]] = field(default_factory=dict)
    looked_up: list[str] = field(default_factory=list)

    def answer(self, request: HttpRequest) -> bytes:
        if request.headers.get("authorization") != self._expected():
            return self._error(401, 20003)
        if request.method == "GET":
            return self._look_up(request.path)
        if request.method != "POST" or request.path not in {f"{ROOT}Messages.json", f"{ROOT}Calls.json"}:
            return self._error(404, 20404)
        lists = parse_qs(request.body.decode())
        fields = {name: values[0] for name, values in lists.items()}
        if request.headers.get("content-type") != "application/x-www-form-urlencoded" or "To" not in fields:
            return self._error(400, 21604)
        if self.unreachable_callbacks and "StatusCallback" in fields:
            return self._error(400, 21609)
        if fields["To"] in self.refusals:
            return self._error(400, self.refusals[fields["To"]])
        if request.path.endswith("Calls.json"):
            return self._call(fields, lists)
        return self._message(fields)

    def _message(self, fields: dict[str, str]) -> bytes:
        if ("From" in fields) == ("MessagingServiceSid" in fields):
            return self._error(400, 21603)
        if not 0 < len(fields.get("Body", "")) <= MAX_BODY:
            return self._error(400, 21617)
        self.taken.append(fields)
        said = {"sid": f"SM{len(self.taken):032x}", "status": "queued", "error_code": None, "num_segments": "1"}
        return http(201, json.dumps(said).encode())

    def _call(self, fields: dict[str, str], lists: Mapping[str, list[str]]) -> bytes:
        if "From" not in fields or ("Url" in fields) == ("Twiml" in fields):
            return self._error(400, 21205)
        if len(fields.get("Twiml", "")) > MAX_TWIML:
            return self._error(400, 21218)
        self.calls.append(fields)
        self.events.append(lists.get("StatusCallbackEvent", []))
        return http(201, json.dumps({"sid": f"CA{len(self.calls):032x}", "status": "queued"}).encode())

    def _look_up(self, path: str) -> bytes:
        sid = path.rpartition("/")[2].removesuffix(".json")
        self.looked_up.append(sid)
        return http(200, json.dumps({"sid": sid, **self.states[sid]}).encode()) if sid in self.states else http(404)

    def signature(self, url: str, fields: Mapping[str, str]) -> str:
        """X-Twilio-Signature of a form that is posted to a URL."""
        said = url + "".join(f"{name}{fields[name]}" for name in sorted(fields))
        return base64.b64encode(hmac.new(self.secret.encode(), said.encode(), hashlib.sha1).digest()).decode()

    def _expected(self) -> str:
        return "Basic " + base64.b64encode(f"{self.user}:{self.secret}".encode()).decode()

    def _error(self, status: int, code: int) -> bytes:
        said = {"code": code, "message": "no", "more_info": f"https://www.twilio.com/docs/errors/{code}"}
        return http(status, json.dumps({**said, "status": status}).encode())
