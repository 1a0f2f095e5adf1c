"""The configuration's blocks about escalation: policies, their steps, and when a step applies."""

from msgspec import field

from alert_webhook.config_block import Block, Faults
from alert_webhook.escalation.policy import Condition, Policy, Step
from alert_webhook.oncall.blocks import WindowBlock
from alert_webhook.oncall.wall import Zone
from heronwatch.values import Duration


class ConditionBlock(Block, frozen=True, kw_only=True):
    """When a step applies: every part that is given must hold when the step is due."""

    severities: tuple[str, ...] = ()
    match: dict[str, str] = field(default_factory=dict)
    time_zone: Zone | None = None
    during: tuple[WindowBlock, ...] = ()
    outside: tuple[WindowBlock, ...] = ()

    def config_faults(self) -> Faults:
        """Check that there is a condition at all, and that hours are somewhere's hours."""
        hours = (*self.during, *self.outside)
        if not (self.severities or self.match or hours):
            yield "", "an empty condition: give severities, match, during or outside, or leave `when` out"
        if hours and self.time_zone is None:
            yield "time_zone", "missing: hours of which time zone? (Europe/Madrid)"

    def condition(self) -> Condition:
        """Return the condition as incidents keep it."""
        return Condition(
            severities=self.severities,
            match=self.match,
            zone=self.time_zone.name if self.time_zone else "UTC",
            during=tuple(each.window() for each in self.during),
            outside=tuple(each.window() for each in self.outside),
        )


class StepBlock(Block, frozen=True, kw_only=True):
    """Whom to page when nobody has answered for `after`."""

    notify: tuple[str, ...]  # "ana", "ana/phone" for one contact, "schedule:network" for whoever is on call
    after: Duration = Duration(0)
    round_robin: bool = False  # one of them, the next incident the next
    when: ConditionBlock | None = None

    def config_faults(self) -> Faults:
        """Check that a step names somebody, and that going round makes sense."""
        if not self.notify:
            yield "notify", "name at least one person"
        if self.round_robin and len(self.notify) == 1:
            yield "round_robin", "one alone has every turn: name at least two"

    def step(self) -> Step:
        """Return the step as incidents keep it."""
        condition = self.when.condition() if self.when else None
        return Step(float(self.after), self.notify, self.round_robin, condition)


class PolicyBlock(Block, frozen=True, kw_only=True):
    """An escalation policy."""

    steps: tuple[StepBlock, ...]
    repeat: int = 0  # how often the whole list starts again
    exhausted_after: Duration = Duration(600)  # silence after the last step that makes the incident critical
    page_after: dict[str, Duration] = field(default_factory=dict)  # severities that page after so long

    def config_faults(self) -> Faults:
        """Check that a policy has steps, and ends."""
        if not self.steps:
            yield "steps", "give at least one step"
        if not 0 <= self.repeat <= 20:
            yield "repeat", f"expected 0 to 20, found {self.repeat}"

    def snapshot(self, name: str) -> Policy:
        """Return the policy as incidents keep it."""
        steps = tuple(step.step() for step in self.steps)
        page_after = {severity: float(delay) for severity, delay in self.page_after.items()}
        return Policy(name, steps, self.repeat, float(self.exhausted_after), page_after)
