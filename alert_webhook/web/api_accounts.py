"""The JSON API about access: API keys, users, and the record of who changed what."""

from flask import Blueprint, Response, g
from msgspec import Struct

from alert_webhook.capability import new_api_key
from alert_webhook.parts import Parts
from alert_webhook.rights import Caller, scopes_named
from alert_webhook.store import accounts, api_keys, changes
from alert_webhook.store.database import Transaction
from alert_webhook.web.answers import answer_json
from alert_webhook.web.bodies import Refused, body, page, row_id, same_site

DAY_S = 86_400.0
USUAL_DAYS = 90
MOST_DAYS = 400  # a key has to be replaced once a year
MAX_NAME = 100
CHANGES = 50


class NewKey(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /api/v1/keys`."""

    name: str
    scopes: tuple[str, ...]
    days: float = USUAL_DAYS  # 30.0 is a whole number to JSON


def add_account_routes(blueprint: Blueprint, parts: Parts) -> None:
    """Add the routes."""
    desk = _Desk(parts)

    @blueprint.get("/keys")
    def keys() -> Response:
        return answer_json({"keys": parts.store.read(api_keys.every)})

    @blueprint.post("/keys")
    def new_key() -> Response:
        return desk.add(g.caller)

    @blueprint.delete("/keys/<int:key_id>")
    def drop_key(key_id: int) -> Response:
        return desk.revoke(row_id(key_id), g.caller)

    @blueprint.get("/users")
    def users() -> Response:
        return answer_json({"users": parts.store.read(accounts.users)})

    @blueprint.get("/changes")
    def latest_changes() -> Response:
        limit, before = page(CHANGES)
        return answer_json({"changes": parts.store.read(lambda tx: changes.latest(tx, limit=limit, before_id=before))})


class _Desk:
    """Makes and ends API keys."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def add(self, caller: Caller) -> Response:
        """Make a key; it is shown this once. Nobody gives a key more than they have."""
        asked = body(NewKey, self._parts.public_url)
        if fault := key_fault(asked.name, asked.days, asked.scopes):
            raise Refused(422, fault)
        scopes = scopes_named(asked.scopes)
        if not scopes <= caller.scopes:
            raise Refused(403, "a key may do no more than who makes it")
        key, prefix = new_api_key(self._parts.random)

        def write(tx: Transaction) -> int:
            expires_at = tx.now + asked.days * DAY_S
            changes.note(tx, "key made", f"{prefix} {asked.name}", who=caller.name, via=caller.via)
            return api_keys.add(
                tx, key, prefix=prefix, name=asked.name, scopes=scopes, who=caller.name, expires_at=expires_at
            )

        return answer_json({"id": self._parts.store.write(write, "api_key"), "prefix": prefix, "key": key}, 201)

    def revoke(self, key_id: int, caller: Caller) -> Response:
        """End a key."""
        same_site(self._parts.public_url)

        def write(tx: Transaction) -> bool:
            ended = api_keys.revoke(tx, key_id)
            if ended:
                changes.note(tx, "key revoked", str(key_id), who=caller.name, via=caller.via)
            return ended

        if not self._parts.store.write(write, "api_key"):
            raise Refused(404, "no such key that could still be revoked")
        return answer_json({"id": key_id})


def key_fault(name: str, days: float, scopes: tuple[str, ...]) -> str:
    """Return what is wrong with what was asked of a key, "" for nothing.

    >>> key_fault("grafana", 90, ("read",))
    ''
    """
    if not name.strip() or len(name) > MAX_NAME or not name.isprintable():
        return f"a key has a name of at most {MAX_NAME} printable characters"
    if not 1 <= days <= MOST_DAYS or days != int(days):
        return f"a key lives 1 to {MOST_DAYS} days"
    if not scopes:
        return "name at least one scope"
    try:
        scopes_named(scopes)
    except ValueError as error:
        return str(error)
    return ""
