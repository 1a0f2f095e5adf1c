"""What the configuration says about the incidents of one integration."""

from collections.abc import Mapping

from msgspec import Struct

from alert_webhook.config import Config, Integration
from alert_webhook.escalation.policy import Policy
from alert_webhook.incidents.correlation import CorrelationRule
from alert_webhook.incidents.flapping import FlapRule
from alert_webhook.incidents.urgency import Severities


class Rules(Struct, frozen=True, kw_only=True):
    """One integration's rules, ready for use."""

    integration: str
    group_by: tuple[str, ...]
    stale_grace_s: float
    severities: Severities
    context_labels: tuple[str, ...]
    routes: tuple[tuple[Mapping[str, str], Policy], ...]
    default_policy: Policy
    tell_resolved: bool
    flapping: FlapRule | None = None
    correlation: tuple[CorrelationRule, ...] = ()

    def policy_for(self, labels: Mapping[str, str]) -> Policy:
        """Return the policy of the first route whose labels are all here."""
        for match, policy in self.routes:
            if all(labels.get(name) == value for name, value in match.items()):
                return policy
        return self.default_policy


def rules_for(config: Config, name: str, integration: Integration) -> Rules:
    """Return the rules of one integration."""
    policies = {key: block.snapshot(key) for key, block in config.policies.items()}
    return Rules(
        integration=name,
        group_by=integration.group_by,
        stale_grace_s=float(integration.stale_grace),
        severities=config.ranked(),
        context_labels=config.context.labels,
        routes=tuple((route.match, policies[route.policy]) for route in config.routes),
        default_policy=policies[integration.policy],
        tell_resolved=config.delivery.resolved,
        flapping=integration.flapping.rule(),
        correlation=tuple(block.rule(integration.mode) for block in config.correlation),
    )
