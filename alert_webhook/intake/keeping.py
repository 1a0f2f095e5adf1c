"""What the intake does without being asked: ends of flapping alerts come due, and Alertmanager's word is compared.

Runs beside the engine. Several replicas share the work by the database.
"""

from collections.abc import Mapping
from functools import partial

from prometheus_client import CollectorRegistry, Counter

from alert_webhook.config import Integration
from alert_webhook.incidents.ingest import end_held, ingest
from alert_webhook.incidents.reconciling import Found, Terms, compare, doubts
from alert_webhook.incidents.rules import rules_for
from alert_webhook.intake.alertmanager_client import AlertmanagerClient
from alert_webhook.intake.api_alerts import ended
from alert_webhook.intake.blocks import AlertmanagerApi
from alert_webhook.intake.completing import in_pieces
from alert_webhook.intake.update import AlertUpdate, Delivery
from alert_webhook.parts import Parts
from alert_webhook.store import reconciled
from heronwatch.logs import get_logger

TURN_EVERY_S = 5.0
AT_ONCE = 500  # held ends in one transaction
OWNER_BYTES = 8


class KeepingMeters:
    """What the comparison tells Prometheus; how old it is comes from the database (`ReconcileGauges`)."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.corrected = Counter(
            "heronwatch_webhook_reconciled_alerts_total",
            "Alerts put right by Alertmanager's API: gone (it no longer knew them), missing (they had never arrived).",
            ("integration", "how"),
            registry=registry,
        )


class Keeping:
    """One turn after another; keeps in memory only since when each alert has been missed."""

    def __init__(self, parts: Parts, meters: KeepingMeters) -> None:
        self._parts = parts
        self._meters = meters
        self._owner = parts.random(OWNER_BYTES).hex()
        self._missed: dict[str, Mapping[str, float]] = {}
        self._log = get_logger("heronwatch.webhook.keeping")

    def turn(self) -> None:
        """Do what is due; StoreUnavailableError when the database is away."""
        self.believe_ends()
        for name, integration in self._parts.settings().integrations.items():
            block = integration.alertmanager
            if block is not None and self._my_turn(name, block):
                self.reconcile(name, integration, block)

    def believe_ends(self) -> int:
        """End the alerts that flapped and have been calm; return how many."""
        due = self._parts.store.read(lambda tx: reconciled.held_ends(tx, AT_ONCE))
        return sum(self._believe(name, fingerprints) for name, fingerprints in due.items())

    def _believe(self, name: str, fingerprints: list[str]) -> int:
        store, settings, random = self._parts.store, self._parts.settings(), self._parts.random
        integration = settings.integrations.get(name)
        if integration is None:
            return 0  # its rules are gone with it
        rules = rules_for(settings, name, integration)
        updates = store.read(lambda tx: reconciled.as_said(tx, name, fingerprints))
        return store.write(lambda tx: end_held(tx, updates, rules, random), "end_held")

    def reconcile(self, name: str, integration: Integration, block: AlertmanagerApi) -> str:
        """Compare one integration with its Alertmanager and put right what differs; return why that was not done."""
        nodes = AlertmanagerClient(block).nodes()
        terms = Terms(float(block.gone_after), float(block.missing_after), float(block.settle), block.receiver)
        now = self._parts.store.read(lambda tx: tx.now)
        trouble = doubts(nodes, terms, now)
        if not trouble:
            here = self._parts.store.read(lambda tx: reconciled.firing(tx, name))
            found = compare(here, nodes, missed=self._missed.get(name, {}), terms=terms, now=now)
            self._missed[name] = found.missed
            self._put_right(name, integration, found)
        else:
            self._missed.pop(name, None)
            self._log.warning("not compared with Alertmanager", integration=name, reason=trouble)
        self._parts.store.write(lambda tx: reconciled.ended(tx, name, trouble), "reconcile")
        return trouble

    def _my_turn(self, name: str, block: AlertmanagerApi) -> bool:
        every_s = float(block.every)
        return self._parts.store.write(
            lambda tx: reconciled.take_turn(tx, name, owner=self._owner, every_s=every_s), "reconcile"
        )

    def _put_right(self, name: str, integration: Integration, found: Found) -> None:
        said = self._parts.store.read(lambda tx: reconciled.as_said(tx, name, found.gone))
        gone = [ended(update, update.starts_at_ns or 0) for update in said if update.starts_at_ns is not None]
        self._take(name, integration, gone, "gone")
        self._take(name, integration, [each.update for each in found.missing], "missing")

    def _take(self, name: str, integration: Integration, updates: list[AlertUpdate], how: str) -> None:
        if not updates:
            return
        rules, random = rules_for(self._parts.settings(), name, integration), self._parts.random
        store = self._parts.store
        done = [
            store.write(partial(ingest, delivery=piece, rules=rules, random=random), "intake")
            for piece in in_pieces(Delivery(), updates)
        ]
        if any(each.escalating for each in done):
            self._parts.wake()
        self._meters.corrected.labels(name, how).inc(len(updates))
        self._log.warning("put right by Alertmanager's API", integration=name, how=how, alerts=len(updates))
