"""What the models over the feature bank are told."""

from collections.abc import Iterable
from typing import Annotated

import msgspec

from anomaly_detector.models.model import DAY_S, ModelOptions
from heronwatch.values import Duration

SHORTEST_MEMORY_S = 3600.0


class FeatureBankOptions(ModelOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the models over the feature bank are told.

    `memory`: time constant of the younger generation; long, because a quick learner learns the fault.
    `warmup`: how much of a series must have been seen before it may score.
    `alarms_per_day`: expected alarms of one series without faults; `sensitivity` divides the thresholds.
    `hold`: samples over which the score falls to a third after an alarm, 0 for not at all.
    `accept_after`: when lasting new behaviour becomes normal.
    """

    memory: Duration = Duration(28 * DAY_S)
    warmup: Duration = Duration(DAY_S)
    alarms_per_day: Annotated[float, msgspec.Meta(gt=0, le=100)] = 0.01
    sensitivity: Annotated[float, msgspec.Meta(ge=0.1, le=10)] = 1.0
    hold: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 20
    accept_after: Duration = Duration(3 * DAY_S)

    def config_faults(self) -> Iterable[tuple[str, str]]:
        """A memory long enough not to learn the fault."""
        if self.memory < SHORTEST_MEMORY_S:
            yield "memory", f"{self.memory} is shorter than 1h: so quick a learner learns the fault"
