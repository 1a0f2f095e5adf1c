"""As much of Twilio's message API as sending goes: it checks what Twilio checks, and keeps what it took."""

import base64
import json
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from tests.fakes.http_provider import HttpRequest, http

ACCOUNT = "AC" + "0123456789abcdef" * 2
KEY = "SK" + "fedcba9876543210" * 2
SERVICE = "MG" + "00112233445566aa" * 2
SENDER = "+15005550006"
MAX_BODY = 1600


@dataclass
class Twilio:
    """An account. `refusals` maps numbers to Twilio's error codes."""

    secret: str
    user: str = ACCOUNT
    refusals: dict[str, int] = field(default_factory=dict)
    taken: list[dict[str, str]] = field(default_factory=list)

    def answer(self, request: HttpRequest) -> bytes:
        fields = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        if request.method != "POST" or request.path != f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json":
            return self._error(404, 20404)
        if request.headers.get("authorization") != self._expected():
            return self._error(401, 20003)
        if request.headers.get("content-type") != "application/x-www-form-urlencoded" or "To" not in fields:
            return self._error(400, 21604)
        if ("From" in fields) == ("MessagingServiceSid" in fields):
            return self._error(400, 21603)
        if not 0 < len(fields.get("Body", "")) <= MAX_BODY:
            return self._error(400, 21617)
        if fields["To"] in self.refusals:
            return self._error(400, self.refusals[fields["To"]])
        self.taken.append(fields)
        said = {"sid": f"SM{len(self.taken):032x}", "status": "queued", "error_code": None, "num_segments": "1"}
        return http(201, json.dumps(said).encode())

    def _expected(self) -> str:
        return "Basic " + base64.b64encode(f"{self.user}:{self.secret}".encode()).decode()

    def _error(self, status: int, code: int) -> bytes:
        said = {"code": code, "message": "no", "more_info": f"https://www.twilio.com/docs/errors/{code}"}
        return http(status, json.dumps({**said, "status": status}).encode())
