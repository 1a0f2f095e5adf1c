"""Statements about local users and their sign-ins."""

import sqlalchemy as sa
from msgspec import Struct

from alert_webhook.capability import token_hash
from alert_webhook.rights import Role
from alert_webhook.store.database import Transaction
from alert_webhook.store.schema import session, user
from alert_webhook.store.statements import insert_or_replace


class Account(Struct, frozen=True):
    """A local user."""

    name: str
    role: Role


def save_user(tx: Transaction, name: str, password_hash: str, *, role: Role | None = None) -> None:
    """Add a user, a responder unless `role` says otherwise, or give an existing one a new password (and `role`).

    Their sign-ins end.
    """
    given = (role or Role.RESPONDER).value
    row = {"name": name, "password_hash": password_hash, "role": given, "created_at": tx.now}
    renewed = ("password_hash", *(["role"] if role else []))
    tx.execute(insert_or_replace(tx, user, ("name",), renewed).values(row))
    tx.execute(session.delete().where(session.c.user_name == name))


def set_role(tx: Transaction, name: str, role: Role) -> bool:
    """Make an existing user something else; it counts with their next request. Return whether there is such a user."""
    return bool(tx.execute(user.update().where(user.c.name == name).values(role=role.value)).rowcount)


def remove_user(tx: Transaction, name: str) -> bool:
    """Delete a user and their sign-ins; return whether there was one."""
    tx.execute(session.delete().where(session.c.user_name == name))
    return bool(tx.execute(user.delete().where(user.c.name == name)).rowcount)


def users(tx: Transaction) -> list[Account]:
    """Return all users, sorted by name."""
    return [Account(row.name, Role(row.role)) for row in tx.execute(sa.select(user).order_by(user.c.name))]


def role_of(tx: Transaction, name: str) -> Role | None:
    """Return a user's role as it is now, None for an unknown user."""
    found = tx.execute(sa.select(user.c.role).where(user.c.name == name)).scalar_one_or_none()
    return None if found is None else Role(found)


def password_hash(tx: Transaction, name: str) -> str | None:
    """Return a user's argon2id hash, None for an unknown user."""
    found = tx.execute(sa.select(user.c.password_hash).where(user.c.name == name)).scalar_one_or_none()
    return None if found is None else str(found)


def begin_session(tx: Transaction, name: str, token: str, *, expires_at: float) -> None:
    """Remember a sign-in; `token` goes into the cookie, its hash stays here."""
    tx.execute(session.delete().where(session.c.expires_at <= tx.now))
    row = {"user_name": name, "created_at": tx.now, "expires_at": expires_at}
    tx.execute(session.insert().values(token_hash=token_hash(token), **row))


def session_user(tx: Transaction, token: str) -> Account | None:
    """Return whose sign-in this token is, None if it is none or expired."""
    where = (session.c.token_hash == token_hash(token)) & (session.c.expires_at > tx.now)
    statement = sa.select(user.c.name, user.c.role).join(session, session.c.user_name == user.c.name).where(where)
    row = tx.execute(statement).one_or_none()
    return None if row is None else Account(row.name, Role(row.role))


def end_session(tx: Transaction, token: str) -> None:
    """Sign out."""
    tx.execute(session.delete().where(session.c.token_hash == token_hash(token)))
