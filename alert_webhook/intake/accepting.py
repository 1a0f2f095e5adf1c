"""One request to the intake: from bytes to a durable commit, and the answer that tells the sender what to do.

2xx: everything readable is committed. 4xx: this can never succeed as it is. 503: try again. Never 3xx, never 429: for
Alertmanager both mean that the alerts of this flush are lost.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator

from msgspec import Struct

from alert_webhook.config import Config, Integration
from alert_webhook.errors import BadBodyError, StoreUnavailableError
from alert_webhook.failpoints import BEFORE_REPLY
from alert_webhook.incidents.ingest import Ingested
from alert_webhook.incidents.rules import Rules, rules_for
from alert_webhook.intake import completing, signature
from alert_webhook.intake.blocks import AlertmanagerApi
from alert_webhook.intake.committing import GroupCommit
from alert_webhook.intake.formats import decoded
from alert_webhook.intake.outline import outline
from alert_webhook.intake.single import excerpt
from alert_webhook.intake.tokens import authorized
from alert_webhook.intake.unlisted import UnlistedSeverities
from alert_webhook.intake.update import Delivery, Rejected
from alert_webhook.meters import Meters
from alert_webhook.parts import Parts
from alert_webhook.store import quarantine
from heronwatch.logs import get_logger
from heronwatch.wsgi_ends import BodyEnds

AT_ONCE = 32  # bodies being worked on; most of them wait together for one commit
WAITING = 32  # beyond these, the answer is 503 at once: threads are left for people
LARGE_BYTES = 4 << 20  # such bodies are worked on one at a time: together they would fill the memory
WAIT_FOR_TURN_S = 4.0  # to be worked on and to write, together: a commit may take 5 s, and Alertmanager waits for 10
BAD_BODY_STATUS = {"not_json": 400, "too_large": 413}  # any other reason: 422

Headers = Callable[[str], str | None]
Completion = Callable[[Integration, Delivery], Iterator[Delivery]]


class Reply(Struct, frozen=True):
    """What the sender is told."""

    status: int
    reason: str
    accepted: int = 0
    quarantined: int = 0


OVERLOADED = Reply(503, "overloaded: too many bodies at once")
OVERSIZED_OUTCOMES = {200: "completed", 413: "refused"}  # any other answer: again
NO_RECEIVER = "neither its beginning nor `alertmanager.receiver` says whom to ask Alertmanager about"
Work = Callable[[float], Reply]


class Intake:
    """Takes what integrations send. `admit` before the body is read, `accept` with it.

    `complete` finds what a sender left out of a truncated body.
    """

    def __init__(self, parts: Parts, meters: Meters, *, complete: Completion = completing.left_out) -> None:
        self._parts = parts
        self._meters = meters
        self._unlisted = UnlistedSeverities(meters.unlisted_severity)
        self._complete = complete
        self._room = threading.BoundedSemaphore(AT_ONCE + WAITING)
        self._turns = threading.BoundedSemaphore(AT_ONCE)
        self._large = threading.BoundedSemaphore(1)
        self._commits = GroupCommit(parts, self._committed)
        self._ready: tuple[Config | None, dict[str, Rules]] = (None, {})
        self._log = get_logger("heronwatch.webhook.intake")

    def admit(self, type_: str, name: str, headers: Headers) -> Integration | Reply:
        """Return the integration whose token the request carries, else the refusal."""
        integration = self._parts.settings().integrations.get(name)
        if integration is None or integration.type != type_:
            return Reply(404, "no such integration")
        if integration.tokens and not authorized(headers("Authorization"), integration.tokens):
            return Reply(401, "the bearer token of this integration is missing or wrong")
        encoding = headers("Content-Encoding") or ""
        if encoding.lower() not in {"", "identity"}:
            return Reply(415, f"a body with Content-Encoding {encoding[:20]} is not read")
        return integration

    def verify(self, integration: Integration, headers: Headers, body: bytes) -> Reply | None:
        """Return the refusal where the integration is signed and this body is not."""
        if integration.signature is None:
            return None
        fault = signature.fault(integration.signature, headers, body, now=self._parts.clock.now())
        return Reply(401, fault) if fault else None

    def accept(self, name: str, integration: Integration, body: bytes) -> Reply:
        """Commit what the body says; the reply is 2xx only after that."""
        turns = self._large if len(body) > LARGE_BYTES else self._turns
        try:
            return self._admitted(name, turns, lambda wait_s: self._accept(name, integration, body, wait_s))
        except BadBodyError as error:
            return self._bad_body(name, error, body)

    def accept_ends(self, name: str, integration: Integration, ends: BodyEnds) -> Reply:
        """Commit what Alertmanager's API knows in place of a body that is too large; 413 where there is none to ask."""
        reply = self._oversized(name, integration, ends)
        self._meters.oversized.labels(name, OVERSIZED_OUTCOMES.get(reply.status, "again")).inc()
        self._log.warning("a body was too large", integration=name, bytes=ends.length, outcome=reply.reason)
        return reply

    def _oversized(self, name: str, integration: Integration, ends: BodyEnds) -> Reply:
        too_large, block = f"the body is larger than {integration.max_body}", integration.alertmanager
        if integration.type != "alertmanager":
            return Reply(413, f"{too_large}: raise max_body")
        if block is None:
            return Reply(413, f"{too_large}: raise max_body, or configure `alertmanager`, whose API completes it")
        outside = outline(ends.first, ends.last)
        if not completing.receiver_of(block, outside):
            return Reply(413, f"{too_large}, and {NO_RECEIVER}")
        return self._admitted(name, self._large, lambda _: self._complete_whole(name, integration, block, outside))

    def _admitted(self, name: str, turns: threading.Semaphore, work: Work) -> Reply:
        """Run `work` where there is room and in its turn; it is told how long it may wait for the database's."""
        if not self._room.acquire(blocking=False):
            return OVERLOADED
        try:
            return self._in_turn(name, turns, work)
        finally:
            self._room.release()

    def _in_turn(self, name: str, turns: threading.Semaphore, work: Work) -> Reply:
        began = self._parts.clock.monotonic()
        if not turns.acquire(timeout=WAIT_FOR_TURN_S):
            return OVERLOADED
        try:
            return work(max(0.0, WAIT_FOR_TURN_S - (self._parts.clock.monotonic() - began)))
        except StoreUnavailableError as error:
            self._log.error("alerts not accepted", integration=name, reason=str(error))
            return Reply(503, f"the database did not take it: {error}")
        finally:
            turns.release()

    def answered(self, name: str, status: int) -> None:
        """Count an answer. Names that are not configured share one label value."""
        known = name in self._parts.settings().integrations
        self._meters.requests.labels(name if known else "", str(status)).inc()

    def _accept(self, name: str, integration: Integration, body: bytes, wait_s: float) -> Reply:
        rules = self._rules(name, integration)
        total: Counter[str] = Counter()
        truncated: Delivery | None = None
        for number, delivery in enumerate(decoded(integration, body)):
            self._commit(name, delivery, rules, total, wait_s=None if number else wait_s)
            truncated = delivery if delivery.truncated else None
        if truncated is not None:
            self._meters.truncated.labels(name).inc(truncated.truncated)
            for delivery in self._complete(integration, truncated):
                self._commit(name, delivery, rules, total)
        self._parts.failpoint(BEFORE_REPLY)
        return Reply(200, "ok", total["accepted"], total["quarantined"])

    def _complete_whole(self, name: str, integration: Integration, block: AlertmanagerApi, outside: Delivery) -> Reply:
        """Commit what every node knows; 503 while one does not answer: what it alone knows would be lost."""
        rules, total, troubles = self._rules(name, integration), Counter[str](), list[str]()
        for told in completing.whole(block, outside):
            troubles += filter(None, [told.trouble])
            for delivery in told.deliveries:
                self._commit(name, delivery, rules, total)
        if troubles:
            return Reply(503, f"larger than {integration.max_body}, and Alertmanager's API is away: {troubles[0]}")
        self._parts.failpoint(BEFORE_REPLY)
        return Reply(200, "completed by Alertmanager's API", total["accepted"])

    def _rules(self, name: str, integration: Integration) -> Rules:
        """Return the integration's rules, made once for a configuration: deliveries under the same ones go together."""
        config = self._parts.settings()
        if config.integrations.get(name) is not integration:  # reloaded since this request was admitted
            return rules_for(config, name, integration)
        known_for, known = self._ready
        if known_for is not config:
            known = {}
            self._ready = (config, known)
        return known.get(name) or known.setdefault(name, rules_for(config, name, integration))

    def _commit(
        self, name: str, delivery: Delivery, rules: Rules, total: Counter[str], *, wait_s: float | None = None
    ) -> None:
        self._commits.commit(delivery, rules, wait_s=wait_s)
        if delivery.rejected:
            number, first = len(delivery.rejected), delivery.rejected[0]
            self._log.warning("alerts quarantined", integration=name, number=number, why=first.detail)
        total["accepted"] += len(delivery.updates)
        total["quarantined"] += len(delivery.rejected)

    def _committed(self, name: str, done: Ingested) -> None:
        for status, number in done.received.items():
            self._meters.received.labels(name, status.value).inc(number)
        for reason, number in done.rejected.items():
            self._meters.quarantined.labels(name, reason).inc(number)
        self._meters.stale.labels(name).inc(done.stale)
        self._unlisted.tell(name, done.unlisted, counts_as=self._parts.settings().default_severity)
        if done.escalating:
            self._parts.wake()

    def _bad_body(self, name: str, error: BadBodyError, body: bytes) -> Reply:
        self._meters.quarantined.labels(name, error.reason).inc()
        self._log.warning("a body was refused", integration=name, reason=error.reason, why=str(error))
        kept = [Rejected(error.reason, str(error), excerpt(body))]
        try:
            self._parts.store.write(lambda tx: quarantine.add(tx, name, kept), "quarantine")
        except StoreUnavailableError:
            self._log.warning("the refused body could not be kept", integration=name)
        return Reply(BAD_BODY_STATUS.get(error.reason, 422), str(error))
