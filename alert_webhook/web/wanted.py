"""What each route of the API wants of its caller: one table. A route that is not in it answers nobody."""

from alert_webhook.rights import Scope

PREFIX = "/api/v1"
WANTED: dict[tuple[str, str], Scope | None] = {  # (method, rule without the prefix); None: open to everybody
    ("GET", "/openapi.json"): None,
    ("GET", "/incidents"): Scope.READ,
    ("GET", "/incidents/<code>"): Scope.READ,
    ("POST", "/incidents/<code>/ack"): Scope.ACT,
    ("POST", "/incidents/<code>/resolve"): Scope.ACT,
    ("POST", "/incidents/<code>/reassign"): Scope.ACT,
    ("POST", "/incidents/<code>/snooze"): Scope.ACT,
    ("POST", "/incidents/<code>/escalate"): Scope.ACT,
    ("POST", "/incidents/<code>/notes"): Scope.ACT,
    ("POST", "/incidents/<code>/false-alarm"): Scope.ACT,
    ("GET", "/oncall"): Scope.READ,
    ("GET", "/oncall/shifts/<schedule>"): Scope.READ,
    ("POST", "/oncall/overrides"): Scope.ON_CALL,
    ("DELETE", "/oncall/overrides/<int:override_id>"): Scope.ON_CALL,
    ("POST", "/oncall/calendars"): Scope.ON_CALL,
    ("DELETE", "/oncall/calendars/<int:link_id>"): Scope.ON_CALL,
    ("GET", "/maintenance"): Scope.READ,
    ("POST", "/maintenance"): Scope.MAINTENANCE,
    ("DELETE", "/maintenance/<int:window_id>"): Scope.MAINTENANCE,
    ("GET", "/shadow"): Scope.READ,
    ("GET", "/keys"): Scope.ADMIN,
    ("POST", "/keys"): Scope.ADMIN,
    ("DELETE", "/keys/<int:key_id>"): Scope.ADMIN,
    ("GET", "/users"): Scope.ADMIN,
    ("GET", "/changes"): Scope.ADMIN,
}


def wanted(method: str, rule: str) -> Scope | None:
    """Return what a request wants of its caller; KeyError for a route that the table does not know."""
    if method == "OPTIONS":
        return Scope.READ
    return WANTED["GET" if method == "HEAD" else method, rule.removeprefix(PREFIX)]
