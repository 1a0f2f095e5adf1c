"""What Alertmanager left out of a body (`max_alerts`), or sent in one too large to be read, asked of its API."""

import re
from collections.abc import Iterator
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from alert_webhook.intake.alertmanager import PIECE
from alert_webhook.intake.alertmanager_client import AlertmanagerClient
from alert_webhook.intake.blocks import AlertmanagerApi, Integration
from alert_webhook.intake.update import AlertUpdate, Delivery
from heronwatch.logs import get_logger


class Told(Struct, frozen=True):
    """What one node knows of a group, some alerts at a time; `trouble` says why it did not answer."""

    deliveries: Iterator[Delivery]
    trouble: str


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


def receiver_of(block: AlertmanagerApi, outside: Delivery) -> str:
    """Return whom a body was sent to, as a regular expression: by its own word, else by the configuration."""
    return outside.receiver or re.escape(block.receiver)


def whole(block: AlertmanagerApi, outside: Delivery) -> Iterator[Told]:
    """Yield, node by node, the alerts that fire in the group of a body of which only the `outside` was read.

    Who sent it is one of the nodes, and each may know alerts that another does not: only all of them know everything.
    """
    seen: set[str] = set()
    for node in AlertmanagerClient(block).each_active(outside.group_labels, receiver_of(block, outside)):
        new = (each.update for each in node.alerts if each.update.fingerprint not in seen)
        yield Told(_noting(seen, new, outside), node.trouble)


def in_pieces(like: Delivery, updates: list[AlertUpdate]) -> Iterator[Delivery]:
    """Yield deliveries of some of the updates each, otherwise `like` this one."""
    return _noting(set(), iter(updates), like)


def _noting(seen: set[str], updates: Iterator[AlertUpdate], like: Delivery) -> Iterator[Delivery]:
    """Yield the updates in deliveries, and note whom they are about."""
    while piece := tuple(islice(updates, PIECE)):
        seen.update(update.fingerprint for update in piece)
        yield replace(like, truncated=0, updates=piece, rejected=())
