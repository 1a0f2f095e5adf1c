"""Local users who sign in: the sessions that cookies stand for."""

from msgspec import Struct

from alert_webhook.capability import new_token
from alert_webhook.parts import Parts
from alert_webhook.rights import Caller, user_caller
from alert_webhook.store import accounts
from alert_webhook.web.password_checks import PasswordChecks

SESSION_S = 12 * 3600.0  # one shift
VIA = "web page"


class SignedIn(Struct, frozen=True):
    """How an attempt ended: a session's token, or "" and for how long to wait (0: the password was wrong)."""

    token: str = ""
    wait_s: float = 0.0


class SignIns:
    """Begins and ends sessions. Safe for threads."""

    def __init__(self, parts: Parts, checks: PasswordChecks) -> None:
        self._parts = parts
        self._checks = checks

    def begin(self, name: str, password: str, *, address: str) -> SignedIn:
        """Sign in; a wrong name takes as long as a wrong password. StoreUnavailableError while the database is away."""
        proof = self._checks.check(name, password, self._checks.hash_of(name), address=address)
        return SignedIn(self._session(name)) if proof.proved else SignedIn(wait_s=proof.wait_s)

    def caller(self, token: str) -> Caller | None:
        """Return whose session this is, with the role they have now; None if it is none."""
        account = self._parts.store.read(lambda tx: accounts.session_user(tx, token)) if token else None
        return user_caller(account.name, account.role, via=VIA) if account else None

    def end(self, token: str) -> None:
        """Sign out."""
        self._parts.store.write(lambda tx: accounts.end_session(tx, token), "sign_out")

    def _session(self, name: str) -> str:
        token = new_token(self._parts.random)
        self._parts.store.write(
            lambda tx: accounts.begin_session(tx, name, token, expires_at=tx.now + SESSION_S), "sign_in"
        )
        return token
