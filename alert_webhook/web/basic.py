"""HTTP Basic with a local user, for scripts that read the API."""

import hashlib
import threading
from collections import OrderedDict

from flask import request

from alert_webhook.parts import Parts
from alert_webhook.passwords import verify
from alert_webhook.store import accounts

CHECKS_AT_ONCE = 2  # argon2id takes 64 MiB and some 50 ms each
REMEMBERED = 64
REMEMBERED_S = 300.0
WAIT_FOR_CHECK_S = 5.0


class BasicUsers:
    """Checks user and password. A good answer is remembered for minutes, under a hash that a new password changes."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._checks = threading.BoundedSemaphore(CHECKS_AT_ONCE)
        self._good: OrderedDict[bytes, float] = OrderedDict()
        self._lock = threading.Lock()

    def user(self) -> str | None:
        """Return the user that the request's Authorization header proves, None if it proves none."""
        given = request.authorization
        if given is None or given.type != "basic" or not given.username:
            return None
        name, password = given.username, given.password or ""
        password_hash = self._parts.store.read(lambda tx: accounts.password_hash(tx, name))
        key = hashlib.sha256(f"{password_hash}\0{name}\0{password}".encode(errors="surrogatepass")).digest()
        if self._remembers(key) or self._proves(password_hash, password):
            self._remember(key)
            return name
        return None

    def _proves(self, password_hash: str | None, password: str) -> bool:
        if not self._checks.acquire(timeout=WAIT_FOR_CHECK_S):
            return False
        try:
            return verify(password_hash, password)
        finally:
            self._checks.release()

    def _remembers(self, key: bytes) -> bool:
        with self._lock:
            return self._good.get(key, 0.0) > self._parts.clock.monotonic()

    def _remember(self, key: bytes) -> None:
        with self._lock:
            self._good[key] = self._parts.clock.monotonic() + REMEMBERED_S
            while len(self._good) > REMEMBERED:
                self._good.popitem(last=False)
