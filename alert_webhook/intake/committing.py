"""Deliveries of several requests in one transaction: what a commit costs is paid once for all that wait for it.

Who comes first leads: it commits its own delivery together with what waits beside it, and hands the lead on. Nobody is
answered before the commit that holds what they sent. A delivery that the database refuses costs itself alone: its batch
falls apart, and each is committed by itself.
"""

import threading
from collections.abc import Callable, Sequence

from alert_webhook.errors import StoreUnavailableError
from alert_webhook.incidents.ingest import Ingested, ingest_all
from alert_webhook.incidents.rules import Rules
from alert_webhook.intake.update import Delivery
from alert_webhook.parts import Parts
from alert_webhook.store.database import about_the_rows

LEADERS = 2  # one thinks while the database works for the other; SQLite's writers take turns anyway
BATCH_ALERTS = 1500  # in one transaction of several deliveries: some 200 ms
WAIT_S = 4.0  # for a turn; with the 5 s of `store.opening` below Alertmanager's shortest flush deadline of 10 s

Told = Callable[[str, Ingested], None]


class Waiting:
    """A delivery that waits for its commit. `told` is set once its thread has something to do."""

    def __init__(self, delivery: Delivery, rules: Rules) -> None:
        self.delivery = delivery
        self.rules = rules
        self.names = {update.fingerprint for update in delivery.updates}
        self.told = threading.Event()
        self.leads = False
        self.alone = False
        self.error: Exception | None = None

    def goes_with(self, other: "Waiting") -> bool:
        """Whether the two may be one transaction: pieces of large bodies have one each."""
        whole = self.delivery.shared_labels is None and other.delivery.shared_labels is None
        return whole and self.rules is other.rules


class GroupCommit:
    """Commits deliveries, several at once where several wait; `told` hears what became of each transaction."""

    def __init__(self, parts: Parts, told: Told) -> None:
        self._parts = parts
        self._told = told
        self._lock = threading.Lock()
        self._queue: list[Waiting] = []
        self._free_leads = LEADERS

    def commit(self, delivery: Delivery, rules: Rules, *, wait_s: float | None = None) -> None:
        """Return once it is durable; StoreUnavailableError when it is not, or no turn came in `wait_s` (WAIT_S)."""
        mine = Waiting(delivery, rules)
        with self._lock:
            self._queue.append(mine)
            if self._free_leads:
                self._free_leads -= 1
                mine.leads = True
        if not mine.leads:
            self._await(mine, WAIT_S if wait_s is None else min(wait_s, WAIT_S))
        if mine.leads:
            self._lead(mine)
        if mine.alone:
            self._write([mine])
        elif mine.error is not None:
            raise StoreUnavailableError(str(mine.error)) from mine.error

    def _await(self, mine: Waiting, wait_s: float) -> None:
        """Return once it was committed, or is to lead; StoreUnavailableError when neither comes in time."""
        if mine.told.wait(wait_s):
            return
        with self._lock:
            if mine in self._queue and not mine.leads:
                self._queue.remove(mine)
                raise StoreUnavailableError("the database is busy: no turn to write came in time")
        mine.told.wait()  # somebody is committing it

    def _lead(self, mine: Waiting) -> None:
        """Commit it with what waits beside it, and hand the lead on."""
        batch = self._take(mine)
        try:
            self._write(batch)
        except StoreUnavailableError as error:
            self._fail(batch, error, alone=about_the_rows(error))
        except Exception as error:  # noqa: BLE001  # whose fault it is shows when each is tried by itself
            self._fail(batch, error, alone=True)
        finally:
            self._hand_on()
            for each in batch[1:]:
                each.told.set()

    def _take(self, mine: Waiting) -> list[Waiting]:
        batch, names = [mine], set(mine.names)
        with self._lock:
            self._queue.remove(mine)
            for each in self._queue:
                fits = len(names) + len(each.names) <= BATCH_ALERTS and names.isdisjoint(each.names)
                if fits and not each.leads and mine.goes_with(each):
                    batch.append(each)
                    names |= each.names
            self._queue = [each for each in self._queue if each not in batch]
        return batch

    def _hand_on(self) -> None:
        with self._lock:
            heir = next((each for each in self._queue if not each.leads), None)
            if heir is None:
                self._free_leads += 1
            else:
                heir.leads = True
                heir.told.set()

    def _write(self, batch: Sequence[Waiting]) -> None:
        rules, random = batch[0].rules, self._parts.random
        deliveries = [each.delivery for each in batch]
        done = self._parts.store.write(lambda tx: ingest_all(tx, deliveries, rules, random), "intake")
        self._told(rules.integration, done)

    @staticmethod
    def _fail(batch: Sequence[Waiting], error: Exception, *, alone: bool) -> None:
        if alone and len(batch) == 1 and not isinstance(error, StoreUnavailableError):
            raise error
        for each in batch:
            each.alone = alone and len(batch) > 1
            each.error = error
