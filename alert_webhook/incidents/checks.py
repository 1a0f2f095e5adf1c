"""What the configuration must get right about incidents: names that refer to something, parts that others need."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from alert_webhook.incidents.urgency import Urgency
from heronwatch.faults import quoted
from heronwatch.words import hint

if TYPE_CHECKING:
    from alert_webhook.config import Config

Faults = Iterable[tuple[str, str]]


def faults(config: "Config") -> Faults:
    """Return every severity, integration and service that is named and is not there."""
    for name, policy in config.policies.items():
        for severity in policy.page_after:
            if severity not in config.severities:
                known = hint(severity, config.severities)
                yield f"policies.{name}.page_after.{severity}", f"{quoted(severity)} is not in severities{known}"
    if config.suppression.topology is not None and config.prometheus is None:
        yield "suppression.topology", "it is read from Prometheus: give the block `prometheus`"
    for index, name in enumerate(config.silences.integrations if config.silences else ()):
        yield from _unsilenced(f"silences.integrations[{index}]", name, config)


def warnings(config: "Config") -> Iterable[str]:
    """Return the severities whose alerts nobody is told about although their urgency says so."""
    if config.digests:
        return
    for name, severity in config.severities.items():
        paged = all(name in policy.page_after for policy in config.policies.values())
        if severity.urgency is Urgency.DIGEST and not paged:
            yield f"digests is empty: alerts of severity {name} reach nobody, they are only in the list of incidents"


def _unsilenced(path: str, name: str, config: "Config") -> Faults:
    integration = config.integrations.get(name)
    if integration is None:
        yield path, f"{quoted(name)} is not in integrations{hint(name, config.integrations)}"
    elif integration.alertmanager is None:
        yield (
            path,
            f"give integrations.{name} a block `alertmanager`: without its API a silenced alert's end never comes here",
        )
