"""A token bucket: `burst` requests at once, then one every `interval_s`."""

import threading


class TokenBucket:
    """Starts full. One bucket serves all clients together, as the exporter-toolkit's rate_limit does."""

    def __init__(self, interval_s: float, burst: int) -> None:
        self._interval_s = interval_s
        self._burst = burst
        self._tokens = float(burst)
        self._at = 0.0
        self._lock = threading.Lock()

    def take(self, now: float) -> bool:
        """Take a token at `now` (seconds of any clock that never goes back); False when there is none."""
        if self._interval_s <= 0:
            return True
        with self._lock:
            earned = max(0.0, now - self._at) / self._interval_s
            self._tokens, self._at = min(self._burst, self._tokens + earned), max(now, self._at)
            if self._tokens < 1:
                return False
            self._tokens -= 1
            return True
