"""What a scrape has fetched so far, and how much a device may send. Pure."""

from msgspec import Struct, field

from exporters.snmp import ber
from exporters.snmp.ber import Reply
from exporters.snmp.decoding.columns import Table
from exporters.snmp.errors import WalkError
from exporters.snmp.layout import Answered

MOST_VALUES = 1_000_000
"""Most values in one scrape: 2 times the largest device known (a firewall with 454,000)."""

MOST_BYTES = 32 << 20
"""Most bytes of replies in one scrape: the largest device known sends 12 MB; a hostile one fills its values."""


class Fetched(Struct):
    """What has been fetched so far; `returned` counts values as they came, repeated ones too, `heard` reply bytes.

    Stretches that are walked at once have a table each in `parts`, which `join` puts together in their order.
    `replies` tells, by root, of what replies a walk of stretches was made; `packets` how many a whole subtree took.
    """

    table: Table
    returned: int = 0
    heard: int = 0
    parts: list[Table] = field(default_factory=list)
    replies: dict[bytes, list[Answered]] = field(default_factory=dict)
    packets: dict[bytes, int] = field(default_factory=dict)

    def part(self) -> Table:
        """Return the table of one stretch."""
        self.parts.append({})
        return self.parts[-1]

    def join(self) -> None:
        """Put the tables of all stretches together: the same order in each scrape, whichever was answered first."""
        for part in self.parts:
            self.table.update(part)
        self.parts.clear()

    def weigh(self, reply: Reply) -> None:
        """Count the bytes of a reply; raises WalkError beyond the bound."""
        self.heard += reply.size
        if self.heard > MOST_BYTES:
            raise WalkError(f"the device answers with more than {MOST_BYTES >> 20} MiB")

    def count(self, values: int) -> None:
        """Count values; raises WalkError beyond the bound."""
        self.returned += values
        if self.returned > MOST_VALUES:
            raise WalkError(f"the device answers with more than {MOST_VALUES} values")

    def keep(self, reply: Reply, only: bytes | None = None) -> None:
        """Put the values of a reply to Get into the table, or but the one named; raises WalkError beyond the bound."""
        self.weigh(reply)
        for name, value in zip(reply.names, reply.elements, strict=True):
            if value[0] < ber.NO_SUCH_OBJECT and only in {None, name}:
                self.table[name] = value
                self.count(1)
