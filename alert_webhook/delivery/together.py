"""The incidents that one message told of besides its own, as the page behind its link shows them. Pure."""

from msgspec import Struct


class Beside(Struct, frozen=True, kw_only=True):
    """One of them, which nobody has yet."""

    code: str
    severity: str
    title: str
    started_at: float  # Unix seconds


class Together(Struct, frozen=True):
    """All of them: the first by severity and age, and how many there are."""

    shown: tuple[Beside, ...] = ()
    total: int = 0
