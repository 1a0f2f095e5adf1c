"""A process that writes snapshots without end, to be killed: `python -m tests.fakes.snapshot_victim PATH GENERATION`.

Each is of a generation of its own, and larger than what one write takes; a line on stdout says that one is done.
"""

import sys
from pathlib import Path

import numpy as np

from anomaly_detector.state import FORMAT, Header, save

FINGERPRINT = "victim"
SERIES = 20_000


def snapshot(path: Path, generation: int) -> None:
    """Write one generation."""
    header = Header(format=FORMAT, fingerprint=FINGERPRINT, last_s=float(generation), series=[])
    array = np.full((24, SERIES), generation, np.float32)
    save(path, header, {f"array{number}": array for number in range(20)})


def main() -> None:
    path, generation = Path(sys.argv[1]), int(sys.argv[2])
    while True:
        generation += 1
        snapshot(path, generation)
        sys.stdout.write(f"{generation}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
