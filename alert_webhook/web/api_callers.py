"""Who calls the API: a local user by HTTP Basic, or an API key as a bearer token."""

from flask import request

from alert_webhook.capability import KEY_START
from alert_webhook.parts import Parts
from alert_webhook.rights import Caller, Scope
from alert_webhook.store import api_keys
from alert_webhook.web.basic import BasicUsers
from alert_webhook.web.bodies import Refused
from alert_webhook.web.password_checks import PasswordChecks

MAX_KEY_CHARACTERS = 100


class ApiCallers:
    """Proves who calls, and that they may. Safe for threads."""

    def __init__(self, parts: Parts, checks: PasswordChecks) -> None:
        self._parts = parts
        self._users = BasicUsers(parts, checks)

    def admitted(self, wanted: Scope) -> Caller:
        """Return the caller of this request; Refused with 401, 403 or 429."""
        caller = self._caller()
        if caller is None:
            raise Refused(401, "send HTTP Basic with a user of this service, or an API key as a bearer token")
        if not caller.may(wanted):
            raise Refused(403, f"{caller.name} may not do this: it wants the scope {wanted.value}")
        return caller

    def _caller(self) -> Caller | None:
        given = request.authorization
        if given is None:
            return None
        if given.type == "bearer":
            return self._by_key(given.token or "")
        if given.type != "basic" or not given.username:
            return None
        found = self._users.caller(given, address=request.remote_addr or "")
        if isinstance(found, Caller):
            return found
        if found.wait_s > 0:
            raise Refused(429, "too many wrong passwords: wait some minutes", wait_s=found.wait_s)
        return None

    def _by_key(self, key: str) -> Caller | None:
        if not key.startswith(KEY_START) or len(key) > MAX_KEY_CHARACTERS:
            return None
        found = self._parts.store.read(lambda tx: api_keys.find(tx, key))
        if found is None:
            return None
        return Caller(name=f"key {found.name}", scopes=frozenset(found.scopes), via=f"API key {found.prefix}")
