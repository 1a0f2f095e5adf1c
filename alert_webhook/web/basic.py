"""HTTP Basic with a local user, for scripts."""

import hashlib
import threading
from collections import OrderedDict

from werkzeug.datastructures import Authorization

from alert_webhook.parts import Parts
from alert_webhook.rights import Caller, user_caller
from alert_webhook.store import accounts
from alert_webhook.web.password_checks import PasswordChecks, Proof

REMEMBERED = 64
REMEMBERED_S = 300.0
VIA = "API"


class BasicUsers:
    """Checks user and password. A good answer is remembered for minutes, under a hash that a new password changes."""

    def __init__(self, parts: Parts, checks: PasswordChecks) -> None:
        self._parts = parts
        self._checks = checks
        self._good: OrderedDict[bytes, float] = OrderedDict()
        self._lock = threading.Lock()

    def caller(self, given: Authorization, *, address: str) -> Caller | Proof:
        """Return the user whom HTTP Basic proves, with the role they have now; else how the check ended."""
        name, password = (given.username or "").replace("\0", ""), given.password or ""
        password_hash = self._checks.hash_of(name)
        key = hashlib.sha256(f"{password_hash}\0{name}\0{password}".encode(errors="surrogatepass")).digest()
        if not self._remembers(key):
            proof = self._checks.check(name, password, password_hash, address=address)
            if not proof.proved:
                return proof
            self._remember(key)
        role = self._parts.store.read(lambda tx: accounts.role_of(tx, name))
        return user_caller(name, role, via=VIA) if role else Proof()

    def _remembers(self, key: bytes) -> bool:
        with self._lock:
            return self._good.get(key, 0.0) > self._parts.clock.monotonic()

    def _remember(self, key: bytes) -> None:
        with self._lock:
            self._good[key] = self._parts.clock.monotonic() + REMEMBERED_S
            while len(self._good) > REMEMBERED:
                self._good.popitem(last=False)
