"""Statements about local users and their sign-ins."""

import sqlalchemy as sa

from alert_webhook.capability import token_hash
from alert_webhook.store.database import Transaction
from alert_webhook.store.schema import session, user
from alert_webhook.store.statements import insert_or_replace


def save_user(tx: Transaction, name: str, password_hash: str) -> None:
    """Add a user, or give an existing one a new password and end their sign-ins."""
    row = {"name": name, "password_hash": password_hash, "created_at": tx.now}
    tx.execute(insert_or_replace(tx, user, ("name",), ("password_hash",)).values(row))
    tx.execute(session.delete().where(session.c.user_name == name))


def user_names(tx: Transaction) -> list[str]:
    """Return the names of all users, sorted."""
    return list(tx.execute(sa.select(user.c.name).order_by(user.c.name)).scalars())


def password_hash(tx: Transaction, name: str) -> str | None:
    """Return a user's argon2id hash, None for an unknown user."""
    found = tx.execute(sa.select(user.c.password_hash).where(user.c.name == name)).scalar_one_or_none()
    return None if found is None else str(found)


def begin_session(tx: Transaction, name: str, token: str, *, expires_at: float) -> None:
    """Remember a sign-in; `token` goes into the cookie, its hash stays here."""
    tx.execute(session.delete().where(session.c.expires_at <= tx.now))
    row = {"user_name": name, "created_at": tx.now, "expires_at": expires_at}
    tx.execute(session.insert().values(token_hash=token_hash(token), **row))


def session_user(tx: Transaction, token: str) -> str | None:
    """Return whose sign-in this token is, None if it is none or expired."""
    where = (session.c.token_hash == token_hash(token)) & (session.c.expires_at > tx.now)
    found = tx.execute(sa.select(session.c.user_name).where(where)).scalar_one_or_none()
    return None if found is None else str(found)


def end_session(tx: Transaction, token: str) -> None:
    """Sign out."""
    tx.execute(session.delete().where(session.c.token_hash == token_hash(token)))
