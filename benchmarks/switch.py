"""The simulated switch of the SNMP benchmarks, and the module that reads it."""

import itertools
import random
from collections.abc import Iterator
from pathlib import Path

MODULE = Path(__file__).parents[1] / "exporters" / "snmp" / "modules" / "if_mib.yml"
ROOTS = ("1.3.6.1.2.1.2", "1.3.6.1.2.1.31.1.1")
"""What the module walks: interfaces and ifXTable."""

_COUNTERS = {10: 32, 11: 32, 12: 32, 13: 32, 14: 32, 15: 32, 16: 32, 17: 32, 18: 32, 19: 32, 20: 32}  # of ifTable
_HC_COUNTERS = {2: 32, 3: 32, 4: 32, 5: 32, 6: 64, 7: 64, 8: 64, 9: 64, 10: 64, 11: 64, 12: 64, 13: 64}  # of ifXTable


def switch(ports: int) -> Iterator[str]:
    """Yield the recording of a switch: full ifTable (22 columns) and ifXTable (19), seven of ten ports up.

    >>> len(list(switch(48)))
    1969
    """
    chance = random.Random(48)
    yield f"1.3.6.1.2.1.2.1.0|2|{ports}"
    fixed = {3: "2|6", 4: "2|1500", 5: "66|4294967295", 7: "2|1", 9: "67|0", 21: "66|0", 22: "6|0.0"}
    for column, port in itertools.product(range(1, 23), range(1, ports + 1)):
        cells = {1: f"2|{port}", 2: f"4|Ethernet1/{port}", 6: f"4x|0050569a{port:04x}", 8: f"2|{_state(port)}"}
        cells |= {key: f"65|{_count(bits, port, chance)}" for key, bits in _COUNTERS.items() if key == column}
        yield f"1.3.6.1.2.1.2.2.1.{column}.{port}|{cells.get(column, fixed.get(column))}"
    fixed = {14: "2|1", 15: "66|10000", 16: "2|2", 17: "2|1", 19: "67|0"}
    for column, port in itertools.product(range(1, 20), range(1, ports + 1)):
        cells = {1: f"4|Eth1/{port}", 18: f"4|uplink to rack {port % 12}, server {port}"}
        cells |= {
            key: f"{70 if bits == 64 else 65}|{_count(bits, port, chance)}"
            for key, bits in _HC_COUNTERS.items()
            if key == column
        }
        yield f"1.3.6.1.2.1.31.1.1.1.{column}.{port}|{cells.get(column, fixed.get(column))}"


def old_form(module: str) -> str:
    """Return a module's file in the form up to 0.22, which Debian's version reads."""
    body = module.partition("modules:\n")[2]
    lines = [line.removeprefix("  ") for line in body.splitlines()]
    return "\n".join(lines) + "\n  version: 2\n  auth:\n    community: public\n"


def _state(port: int) -> int:
    return 1 if port % 10 < 7 else 2


def _count(bits: int, port: int, chance: random.Random) -> int:
    return chance.randrange(2 ** (bits - 4)) if _state(port) == 1 else 0
