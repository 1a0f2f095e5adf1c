"""What Alertmanager left out of a body (`max_alerts`), asked of its API before the body is answered."""

from collections.abc import Iterator

from msgspec.structs import replace

from alert_webhook.intake.alertmanager import PIECE
from alert_webhook.intake.alertmanager_client import AlertmanagerClient
from alert_webhook.intake.blocks import Integration
from alert_webhook.intake.update import AlertUpdate, Delivery
from heronwatch.logs import get_logger


def left_out(integration: Integration, truncated: Delivery) -> Iterator[Delivery]:
    """Yield the alerts of a truncated body's group as the API knows them; nothing where it cannot be asked.

    An alert that the body had is among them: told twice, it changes nothing.
    """
    if integration.alertmanager is None or not truncated.receiver:
        return
    node = AlertmanagerClient(integration.alertmanager).active(truncated.group_labels, truncated.receiver)
    if node.trouble:
        log = get_logger("heronwatch.webhook.intake")
        log.warning("a truncated body was not completed", alerts=truncated.truncated, reason=node.trouble)
    yield from in_pieces(truncated, [each.update for each in node.alerts])


def in_pieces(like: Delivery, updates: list[AlertUpdate]) -> Iterator[Delivery]:
    """Yield deliveries of some of the updates each, otherwise `like` this one."""
    for start in range(0, len(updates), PIECE):
        yield replace(like, truncated=0, updates=tuple(updates[start : start + PIECE]), rejected=())
