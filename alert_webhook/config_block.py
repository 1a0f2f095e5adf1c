"""What every block of the webhook's configuration is."""

from collections.abc import Iterable

from msgspec import Struct

Faults = Iterable[tuple[str, str]]


class Block(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What every block of the configuration is: frozen, keyword-only, strict."""
