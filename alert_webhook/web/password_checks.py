"""Checking passwords at a bounded rate, whichever way they come: the sign-in form or HTTP Basic."""

import threading

from msgspec import Struct

from alert_webhook.parts import Parts
from alert_webhook.passwords import verify
from alert_webhook.store import accounts
from alert_webhook.web.tallies import Rate, Tally

CHECKS_AT_ONCE = 2  # argon2id takes 64 MiB and some 50 ms each
WAIT_FOR_CHECK_S = 5.0
BY_USER_AND_ADDRESS = Rate(8, 900.0)
BY_ADDRESS = Rate(40, 900.0)  # a whole team may sit behind one proxy
BY_USER = Rate(60, 900.0)  # guessed from many addresses


class Proof(Struct, frozen=True):
    """How a check ended; `wait_s` is for how long to wait before the next try (0: the password was looked at)."""

    proved: bool = False
    wait_s: float = 0.0


class PasswordChecks:
    """Checks passwords; wrong tries are counted by user and address. Safe for threads."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._checks = threading.BoundedSemaphore(CHECKS_AT_ONCE)
        self._tallies = (Tally(BY_USER_AND_ADDRESS), Tally(BY_ADDRESS), Tally(BY_USER))
        self._lock = threading.Lock()

    def hash_of(self, name: str) -> str | None:
        """Return the user's hash, None for an unknown user. StoreUnavailableError while the database is away."""
        return self._parts.store.read(lambda tx: accounts.password_hash(tx, name))

    def check(self, name: str, password: str, password_hash: str | None, *, address: str) -> Proof:
        """Check one password; an unknown user (no hash) takes as long as a wrong password."""
        wait_s = self._wait_s(name, address)
        if wait_s > 0:
            return Proof(wait_s=wait_s)
        if not self._checks.acquire(timeout=WAIT_FOR_CHECK_S):
            return Proof(wait_s=WAIT_FOR_CHECK_S)
        try:
            proved = verify(password_hash, password)
        finally:
            self._checks.release()
        self._note(name, address, proved=proved)
        return Proof(proved)

    def _wait_s(self, name: str, address: str) -> float:
        now = self._parts.clock.monotonic()
        with self._lock:
            return max(tally.wait_s(key, now) for tally, key in zip(self._tallies, _keys(name, address), strict=True))

    def _note(self, name: str, address: str, *, proved: bool) -> None:
        now, keys = self._parts.clock.monotonic(), _keys(name, address)
        with self._lock:
            if proved:
                self._tallies[0].forget(keys[0])
                return
            for tally, key in zip(self._tallies, keys, strict=True):
                tally.count(key, now)


def _keys(name: str, address: str) -> tuple[str, str, str]:
    return f"{address}\0{name}", address, name
