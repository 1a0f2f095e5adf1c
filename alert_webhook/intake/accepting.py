"""One request to the intake: from bytes to a durable commit, and the answer that tells the sender what to do.

2xx: everything readable is committed. 4xx: this can never succeed as it is. 503: try again. Never 3xx, never 429: for
Alertmanager both mean that the alerts of this flush are lost.
"""

import threading

from msgspec import Struct

from alert_webhook.config import Integration
from alert_webhook.errors import BadBodyError, StoreUnavailableError
from alert_webhook.incidents.ingest import Ingested, ingest
from alert_webhook.incidents.rules import rules_for
from alert_webhook.intake.alertmanager import MAX_RAW_CHARACTERS, clean, decode
from alert_webhook.intake.tokens import authorized
from alert_webhook.intake.update import Delivery, Rejected
from alert_webhook.meters import Meters
from alert_webhook.parts import Parts
from alert_webhook.store import quarantine
from heronwatch.logs import get_logger

AT_ONCE = 8  # bodies being worked on; more only wait for each other's commits
WAITING = 8  # beyond these, the answer is 503 at once: threads are left for people
WAIT_FOR_TURN_S = 5.0  # half of Alertmanager's shortest flush deadline
BAD_BODY_STATUS = {"not_json": 400}  # any other reason: 422


class Reply(Struct, frozen=True):
    """What the sender is told."""

    status: int
    reason: str
    accepted: int = 0
    quarantined: int = 0


OVERLOADED = Reply(503, "overloaded: too many bodies at once")


class Intake:
    """Takes what integrations send. `admit` before the body is read, `accept` with it."""

    def __init__(self, parts: Parts, meters: Meters) -> None:
        self._parts = parts
        self._meters = meters
        self._room = threading.BoundedSemaphore(AT_ONCE + WAITING)
        self._turns = threading.BoundedSemaphore(AT_ONCE)
        self._log = get_logger("heronwatch.webhook.intake")

    def admit(self, name: str, *, authorization: str | None, encoding: str) -> Integration | Reply:
        """Return the integration whose token the request carries, else the refusal."""
        integration = self._parts.settings().integrations.get(name)
        if integration is None:
            return Reply(404, "no such integration")
        if not authorized(authorization, integration.tokens):
            return Reply(401, "the bearer token of this integration is missing or wrong")
        if encoding.lower() not in {"", "identity"}:
            return Reply(415, f"a body with Content-Encoding {encoding[:20]} is not read")
        return integration

    def accept(self, name: str, integration: Integration, body: bytes) -> Reply:
        """Commit what the body says; the reply is 2xx only after that."""
        if not self._room.acquire(blocking=False):
            return OVERLOADED
        try:
            return self._in_turn(name, integration, body)
        finally:
            self._room.release()

    def _in_turn(self, name: str, integration: Integration, body: bytes) -> Reply:
        if not self._turns.acquire(timeout=WAIT_FOR_TURN_S):
            return OVERLOADED
        try:
            return self._accept(name, integration, body)
        except BadBodyError as error:
            return self._bad_body(name, error, body)
        except StoreUnavailableError as error:
            self._log.error("alerts not accepted", integration=name, reason=str(error))
            return Reply(503, f"the database did not take it: {error}")
        finally:
            self._turns.release()

    def answered(self, name: str, status: int) -> None:
        """Count an answer. Names that are not configured share one label value."""
        known = name in self._parts.settings().integrations
        self._meters.requests.labels(name if known else "", str(status)).inc()

    def _accept(self, name: str, integration: Integration, body: bytes) -> Reply:
        delivery = decode(body)
        rules = rules_for(self._parts.settings(), name, integration)
        done = self._parts.store.write(lambda tx: ingest(tx, delivery, rules, self._parts.random), "intake")
        self._count(name, delivery, done)
        if done.escalating:
            self._parts.wake()
        return Reply(200, "ok", done.received.total(), done.rejected.total())

    def _count(self, name: str, delivery: Delivery, done: Ingested) -> None:
        for status, number in done.received.items():
            self._meters.received.labels(name, status.value).inc(number)
        for reason, number in done.rejected.items():
            self._meters.quarantined.labels(name, reason).inc(number)
        self._meters.stale.labels(name).inc(done.stale)
        self._meters.truncated.labels(name).inc(delivery.truncated)
        if delivery.rejected:
            first = delivery.rejected[0]
            self._log.warning("alerts quarantined", integration=name, number=done.rejected.total(), why=first.detail)

    def _bad_body(self, name: str, error: BadBodyError, body: bytes) -> Reply:
        self._meters.quarantined.labels(name, error.reason).inc()
        self._log.warning("a body was refused", integration=name, reason=error.reason, why=str(error))
        excerpt = clean(body[: 4 * MAX_RAW_CHARACTERS].decode("utf-8", "replace"))[:MAX_RAW_CHARACTERS]
        kept = [Rejected(error.reason, str(error), excerpt)]
        try:
            self._parts.store.write(lambda tx: quarantine.add(tx, name, kept), "quarantine")
        except StoreUnavailableError:
            self._log.warning("the refused body could not be kept", integration=name)
        return Reply(BAD_BODY_STATUS.get(error.reason, 422), str(error))
