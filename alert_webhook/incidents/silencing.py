"""Keeping Alertmanager's silences in step with acknowledgements: short ones, made longer while they are needed."""

from functools import partial

from msgspec.structs import replace

from alert_webhook.incidents.silence import ENDS_NOW_S, Kept, body_of, reference_in
from alert_webhook.incidents.timeline import Event, Kind
from alert_webhook.intake.blocks import AlertmanagerApi
from alert_webhook.parts import Parts
from alert_webhook.peers import Peer, PeerAnswer
from alert_webhook.store import incidents, silences
from alert_webhook.store.database import Transaction
from heronwatch.logs import get_logger

HOLD_S = 120.0  # longer than all nodes' time-outs together
AGAIN_S = 30.0
MAX_ANSWER_BYTES = 64 * 1024


class Silencer:
    """`turn` makes, lengthens and ends what has to be; what Alertmanager refuses is tried again."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._log = get_logger("heronwatch.webhook.silences")

    def turn(self) -> None:
        """Look once at every acknowledged incident; StoreUnavailableError as ever."""
        config, store = self._parts.settings(), self._parts.store
        block, shadows = config.silences, config.shadows()
        names = tuple(name for name in block.integrations if name not in shadows) if block else ()
        if not store.read(lambda tx: silences.work_is_due(tx, names)):
            return
        most = block.most if block else 0
        for kept in store.write(partial(_planned, integrations=names, most=most), "silences"):
            self._keep(kept, float(block.length) if block else 0.0)

    def _keep(self, kept: Kept, length_s: float) -> None:
        now = self._parts.clock.now()
        if not kept.wanted and not kept.reference:
            self._parts.store.write(lambda tx: silences.gone(tx, kept), "silences")
            return
        answer = self._ask(kept, ends_at=now + (length_s if kept.wanted else ENDS_NOW_S))
        reference = reference_in(answer.body) if answer.status == 200 else ""
        if not kept.wanted and (reference or answer.status in {400, 404}):  # ended, or over already
            self._parts.store.write(lambda tx: silences.gone(tx, kept), "silences")
        elif reference:
            again_at = now + length_s / 2
            self._parts.store.write(lambda tx: silences.stands(tx, kept, reference, again_at=again_at), "silences")
        else:
            self._parts.store.write(lambda tx: silences.later(tx, kept, again_at=now + AGAIN_S), "silences")
            why = answer.trouble or f"status {answer.status}"
            self._log.warning("a silence was not set or ended", integration=kept.integration, reason=why)

    def _ask(self, kept: Kept, *, ends_at: float) -> PeerAnswer:
        integration = self._parts.settings().integrations.get(kept.integration)
        if integration is None or integration.alertmanager is None:
            return PeerAnswer(404, trouble="the integration has no Alertmanager any more")
        answer = PeerAnswer(0, trouble="no node is configured")
        for peer in _peers(integration.alertmanager):
            answer = _post(peer, body_of(kept, ends_at=ends_at))
            if answer.status == 404 and kept.wanted:  # forgotten there: a new one
                answer = _post(peer, body_of(replace(kept, reference=""), ends_at=ends_at))
            if answer.status:
                break
        return answer


def _planned(tx: Transaction, *, integrations: tuple[str, ...], most: int) -> list[Kept]:
    for incident_id, number in silences.plan(tx, integrations, most=most).items():
        text = f"{number} alert(s) silenced in Alertmanager for as long as somebody has this"
        incidents.add_events(tx, [Event(incident_id, tx.now, Kind.SILENCED, text)])
    return silences.take(tx, hold_s=HOLD_S)


def _post(peer: Peer, body: bytes) -> PeerAnswer:
    path, kind = "/api/v2/silences", "application/json"
    return peer.post(path, content=body, content_type=kind, most_bytes=MAX_ANSWER_BYTES)


def _peers(block: AlertmanagerApi) -> list[Peer]:
    return [Peer(str(url), block) for url in block.urls]
