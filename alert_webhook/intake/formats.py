"""Which decoder reads the bodies of an integration."""

from collections.abc import Iterator

from alert_webhook.intake import alertmanager, generic, grafana
from alert_webhook.intake.blocks import Integration
from alert_webhook.intake.update import Delivery


def decoded(integration: Integration, body: bytes) -> Iterator[Delivery]:
    """Return the alerts of a body, some at a time; `BadBodyError` when it is none of this integration's type."""
    if integration.mapping is not None:
        return generic.decode(body, integration.mapping)
    if integration.type == "grafana":
        return grafana.decode(body)
    return alertmanager.decode(body)
