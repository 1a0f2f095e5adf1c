"""An escalation policy as an incident keeps it: a snapshot, so that a later edit changes later incidents only."""

from msgspec import Struct


class Step(Struct, frozen=True):
    """Page `notify` ("ana", "ana/phone") when `after_s` seconds have passed since the step before."""

    after_s: float
    notify: tuple[str, ...]


class Policy(Struct, frozen=True):
    """The steps, how often the whole list is repeated, and when silence after the last step is critical."""

    name: str
    steps: tuple[Step, ...]
    repeat: int
    exhausted_after_s: float
