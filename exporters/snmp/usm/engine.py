"""What is known of a device's engine: its id, and its clock as of the last message that proved itself. No I/O.

Source: RFC 3414 sections 2.2 and 3.2 (7): boots and time are remembered by what is polled, and messages more than 150
seconds old are refused by both sides. `now` is a monotonic clock in seconds.
"""

WINDOW_S = 150  # RFC 3414 section 2.2.3
LARGEST = 2**31 - 1
"""The largest time and number of boots; an engine that has booted so often refuses everything (section 2.2.2)."""


class Engine:
    """One engine. Until a message has proved itself (`trusted`), boots and time are a guess good for asking only."""

    __slots__ = ("_at", "_latest", "boots", "engine_id", "trusted")

    def __init__(self, engine_id: bytes, boots: int, time_s: int, *, now: float) -> None:
        self.engine_id = engine_id
        self.trusted = False
        self._set(boots, time_s, now)

    def time_s(self, now: float) -> int:
        """Return the engine's time by our own clock."""
        return min(self._latest + max(0, int(now - self._at)), LARGEST)

    def hear(self, boots: int, time_s: int, *, now: float) -> bool:
        """Take the clock of a message that proved itself; False when the message is too old to be believed."""
        if not self.trusted or boots > self.boots or (boots == self.boots and time_s > self._latest):
            self.correct(boots, time_s, now=now)
        if boots != self.boots or boots == LARGEST:
            return False
        return time_s >= self.time_s(now) - WINDOW_S

    def agrees(self, boots: int, time_s: int, *, now: float) -> bool:
        """Say whether a clock is, within the window, the one that has proved itself here."""
        return self.trusted and boots == self.boots and abs(time_s - self.time_s(now)) <= WINDOW_S

    def correct(self, boots: int, time_s: int, *, now: float) -> None:
        """Take a clock as it is, even if it went back: for a proved report on a message that was just sent."""
        self.trusted = True
        self._set(boots, time_s, now)

    def _set(self, boots: int, time_s: int, now: float) -> None:
        self.boots = boots
        self._latest = time_s
        self._at = now

    def __repr__(self) -> str:
        return f"Engine({self.engine_id.hex()}, boots={self.boots})"
