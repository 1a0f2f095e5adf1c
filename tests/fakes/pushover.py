"""As much of Pushover as we use: it checks what Pushover checks, keeps what it took, and its phones can be tapped."""

import json
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from tests.fakes.http_provider import HttpRequest, http

TOKEN = "a" * 30
ANA, BEN = "u" + "A" * 29, "u" + "B" * 29


@dataclass
class Emergency:
    """A message of priority 2 that repeats."""

    fields: dict[str, str]
    delivered: bool = True
    acknowledged_by: str = ""
    expired: bool = False
    cancelled: bool = False


@dataclass
class Pushover:
    """An application with its users."""

    users: set[str] = field(default_factory=lambda: {ANA, BEN})
    taken: list[dict[str, str]] = field(default_factory=list)
    emergencies: dict[str, Emergency] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def answer(self, request: HttpRequest) -> bytes:
        parts = urlsplit(request.path)
        given = parse_qs(parts.query if request.method == "GET" else request.body.decode())
        fields = {name: values[0] for name, values in given.items()}
        if fields.get("token") != TOKEN:
            return _no(token="invalid")
        if (request.method, parts.path) == ("POST", "/1/messages.json"):
            return self._take(fields)
        receipt = parts.path.removeprefix("/1/receipts/").partition("/")[0].removesuffix(".json")
        emergency = self.emergencies.get(receipt)
        if emergency is None:
            return _no(receipt="not found")
        if request.method == "POST":
            emergency.cancelled = True
            return http(200, json.dumps({"status": 1, "request": "r"}).encode())
        self.asked.append(receipt)
        return http(200, json.dumps({"status": 1, **_receipt(emergency)}).encode())

    def _take(self, fields: dict[str, str]) -> bytes:
        if fields.get("user") not in self.users:
            return _no(user="invalid")
        if not fields.get("message") or len(fields["message"]) > 1024 or len(fields["title"]) > 250:
            return _no(message="cannot be blank")
        emergency = fields["priority"] == "2"
        if emergency and (int(fields.get("retry", "0")) < 30 or not 0 < int(fields.get("expire", "0")) <= 10_800):
            return _no(retry="is required")
        self.taken.append(fields)
        said = {"status": 1, "request": f"647d2300-702c-4b38-8b2f-{len(self.taken):012x}"}
        if emergency:
            said["receipt"] = f"r{len(self.taken):029d}"
            self.emergencies[str(said["receipt"])] = Emergency(fields)
        return http(200, json.dumps(said).encode())


def _receipt(emergency: Emergency) -> dict[str, object]:
    return {
        "acknowledged": int(bool(emergency.acknowledged_by)),
        "acknowledged_at": 1_800_000_000 if emergency.acknowledged_by else 0,
        "acknowledged_by": emergency.acknowledged_by,
        "last_delivered_at": 1_800_000_000 if emergency.delivered else 0,
        "expired": int(emergency.expired),
        "called_back": 0,
    }


def _no(**errors: str) -> bytes:
    return http(400, json.dumps({**errors, "errors": list(errors.values()), "status": 0, "request": "r"}).encode())
