"""Local users: checking passwords at a bounded rate, and the sign-ins that cookies stand for."""

import threading

from msgspec import Struct

from alert_webhook.capability import new_token
from alert_webhook.parts import Parts
from alert_webhook.passwords import verify
from alert_webhook.store import accounts
from alert_webhook.web.tallies import Rate, Tally

SESSION_S = 12 * 3600.0  # one shift
CHECKS_AT_ONCE = 2  # argon2id takes 64 MiB and some 50 ms each
WAIT_FOR_CHECK_S = 5.0
BY_USER_AND_ADDRESS = Rate(8, 900.0)
BY_ADDRESS = Rate(40, 900.0)  # a whole team may sit behind one proxy
BY_USER = Rate(60, 900.0)  # guessed from many addresses


class SignedIn(Struct, frozen=True):
    """How an attempt ended: a session's token, or "" and for how long to wait (0: the password was wrong)."""

    token: str = ""
    wait_s: float = 0.0


class SignIns:
    """Checks passwords and begins sessions. Safe for threads."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._checks = threading.BoundedSemaphore(CHECKS_AT_ONCE)
        self._tallies = (Tally(BY_USER_AND_ADDRESS), Tally(BY_ADDRESS), Tally(BY_USER))
        self._lock = threading.Lock()

    def begin(self, name: str, password: str, *, address: str) -> SignedIn:
        """Sign in; a wrong name takes as long as a wrong password. StoreUnavailableError while the database is away."""
        wait_s = self._wait_s(name, address)
        if wait_s > 0:
            return SignedIn(wait_s=wait_s)
        password_hash = self._parts.store.read(lambda tx: accounts.password_hash(tx, name))
        if not self._checks.acquire(timeout=WAIT_FOR_CHECK_S):
            return SignedIn(wait_s=WAIT_FOR_CHECK_S)
        try:
            proved = verify(password_hash, password)
        finally:
            self._checks.release()
        if not proved:
            self._failed(name, address)
            return SignedIn()
        self._succeeded(name, address)
        return SignedIn(self._session(name))

    def user(self, token: str) -> str | None:
        """Return whose session this is, None if it is none."""
        return self._parts.store.read(lambda tx: accounts.session_user(tx, token)) if token else None

    def end(self, token: str) -> None:
        """Sign out."""
        self._parts.store.write(lambda tx: accounts.end_session(tx, token), "sign_out")

    def _session(self, name: str) -> str:
        token = new_token(self._parts.random)
        self._parts.store.write(
            lambda tx: accounts.begin_session(tx, name, token, expires_at=tx.now + SESSION_S), "sign_in"
        )
        return token

    def _wait_s(self, name: str, address: str) -> float:
        now = self._parts.clock.monotonic()
        with self._lock:
            return max(tally.wait_s(key, now) for tally, key in zip(self._tallies, _keys(name, address), strict=True))

    def _failed(self, name: str, address: str) -> None:
        now = self._parts.clock.monotonic()
        with self._lock:
            for tally, key in zip(self._tallies, _keys(name, address), strict=True):
                tally.count(key, now)

    def _succeeded(self, name: str, address: str) -> None:
        with self._lock:
            self._tallies[0].forget(_keys(name, address)[0])


def _keys(name: str, address: str) -> tuple[str, str, str]:
    return f"{address}\0{name}", address, name
