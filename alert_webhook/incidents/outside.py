"""What incidents need of other services, in a thread of its own: the topology, and Alertmanager's silences."""

import threading

from alert_webhook.errors import StoreUnavailableError
from alert_webhook.incidents.silencing import Silencer
from alert_webhook.incidents.topology import TopologyReader
from alert_webhook.parts import Parts
from heronwatch.logs import get_logger

EVERY_S = 2.0


class RunningOutside:
    """Asks and tells the services around us; whatever goes wrong there holds nothing up here."""

    def __init__(self, parts: Parts) -> None:
        self._steps = (TopologyReader(parts).turn, Silencer(parts).turn)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="outside", daemon=True)
        self._log = get_logger("heronwatch.webhook.outside")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def take_nothing_new(self) -> None:
        """Begin to stop."""
        self._stop.set()

    def stop(self, *, deadline_s: float) -> None:
        """Wait for the call under way until the deadline."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(deadline_s)

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            for step in self._steps:
                try:
                    step()
                except StoreUnavailableError as error:
                    self._log.warning("waiting for the database", reason=str(error))
                except Exception:  # noqa: BLE001  # the outermost loop of this thread
                    self._log.exception("asking another service failed")
