"""Which incidents are in shadow: everything runs for them, and nobody is contacted about them. Pure."""

from alert_webhook.config import Config
from alert_webhook.delivery.channel import IncidentView
from alert_webhook.watch.trouble import OWN


def in_shadow(config: Config, incident: IncidentView) -> bool:
    """Return whether nobody is contacted about this incident, but for one whose pages went out before: see `shadowed`.

    That is so for the integrations in shadow mode. Of our own messages it is so for those about such an integration,
    and for all of them (hand-overs, shift tests, troubles) while no integration is live.
    """
    shadows = config.shadows()
    if incident.integration != OWN:
        return incident.integration in shadows
    return bool(shadows) and (len(shadows) == len(config.integrations) or incident.labels.get("integration") in shadows)
