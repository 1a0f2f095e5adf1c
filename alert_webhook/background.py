"""What runs beside the engine: one thread each, so that nothing that hangs there holds up a page."""

import threading
from collections.abc import Callable

from alert_webhook.errors import StoreUnavailableError
from heronwatch.logs import get_logger

TROUBLE_WAIT_S = 5.0


class Repeated:
    """Repeats `turn`, which says how many seconds the next may wait; `first_s` passes before the first.

    Whatever goes wrong in a turn is logged, and the next comes after TROUBLE_WAIT_S.
    """

    def __init__(self, name: str, turn: Callable[[], float], *, first_s: float = 0.0) -> None:
        self._name = name
        self._turn = turn
        self._first_s = first_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._log = get_logger(f"heronwatch.webhook.{name}")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def take_nothing_new(self) -> None:
        """Begin to stop."""
        self._stop.set()

    def stop(self, *, deadline_s: float) -> None:
        """Wait for the turn under way until the deadline; what is left is taken up after the next start."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(deadline_s)

    def _run(self) -> None:
        wait_s = self._first_s
        while not self._stop.wait(wait_s):
            wait_s = self._guarded_turn()

    def _guarded_turn(self) -> float:
        try:
            return self._turn()
        except StoreUnavailableError as error:
            self._log.warning(f"{self._name} waits for the database", reason=str(error))
        except Exception:  # noqa: BLE001  # the outermost loop of this thread: one plug-in's bug stops no other
            self._log.exception(f"{self._name} failed")
        return TROUBLE_WAIT_S
