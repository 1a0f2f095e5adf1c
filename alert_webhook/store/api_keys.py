"""Statements about API keys: given out once, stored as hashes, scoped, expiring, revocable."""

from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from alert_webhook.capability import token_hash
from alert_webhook.rights import Scope
from alert_webhook.store.database import Transaction
from alert_webhook.store.schema_accounts import api_key
from alert_webhook.store.statements import from_json, json_text


class ApiKey(Struct, frozen=True, kw_only=True):
    """What is known of a key; the key itself is not. Times are Unix seconds."""

    id: int
    prefix: str
    name: str
    scopes: tuple[Scope, ...]
    created_by: str
    created_at: float
    expires_at: float
    revoked_at: float | None


def add(
    tx: Transaction, key: str, *, prefix: str, name: str, scopes: frozenset[Scope], who: str, expires_at: float
) -> int:
    """Remember a key that is about to be handed out and return its id; only its hash is stored."""
    row = {"prefix": prefix, "name": name, "scopes": json_text(sorted(scopes)), "created_by": who}
    times = {"created_at": tx.now, "expires_at": expires_at}
    result = tx.execute(api_key.insert().values(key_hash=token_hash(key), **row, **times))
    (id_,) = result.inserted_primary_key or (None,)
    return int(id_ or 0)


def find(tx: Transaction, key: str) -> ApiKey | None:
    """Return what `key` is, None if it is none, was revoked or has expired."""
    alive = api_key.c.revoked_at.is_(None) & (api_key.c.expires_at > tx.now)
    row = tx.execute(sa.select(api_key).where(api_key.c.key_hash == token_hash(key), alive)).one_or_none()
    return None if row is None else _key(row)


def every(tx: Transaction) -> list[ApiKey]:
    """Return all keys ever made that are still remembered, the newest last."""
    return [_key(row) for row in tx.execute(sa.select(api_key).order_by(api_key.c.id))]


def revoke(tx: Transaction, key_id: int) -> bool:
    """End a key; return whether there was one to end."""
    where = (api_key.c.id == key_id) & api_key.c.revoked_at.is_(None)
    return bool(tx.execute(api_key.update().where(where).values(revoked_at=tx.now)).rowcount)


def prune(tx: Transaction, before: float, most: int) -> int:
    """Delete keys, up to `most`, that ended before this time; return how many."""
    ended = sa.func.coalesce(api_key.c.revoked_at, api_key.c.expires_at) < before
    old = sa.select(api_key.c.id).where(ended).order_by(api_key.c.id).limit(most)
    return int(tx.execute(api_key.delete().where(api_key.c.id.in_(old))).rowcount)


def _key(row: Any) -> ApiKey:
    return ApiKey(
        id=row.id,
        prefix=row.prefix,
        name=row.name,
        scopes=from_json(row.scopes, tuple[Scope, ...]),
        created_by=row.created_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )
