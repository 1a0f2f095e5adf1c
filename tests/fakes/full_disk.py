"""A query that lives through a full disk: `python -m tests.fakes.full_disk FOLDER`, a small tmpfs.

Meant for a mount namespace of its own: `unshare --mount`. Prints what happened, one JSON object.
"""

import json
import sys
from pathlib import Path

from prometheus_client import CollectorRegistry

from anomaly_detector.metrics import Metrics
from anomaly_detector.query_state import QueryState
from anomaly_detector.snapshots import Snapshots
from tests.fakes.clock import FakeClock
from tests.fakes.detector_plans import plan

SERIES = 200


def main() -> None:
    folder = Path(sys.argv[1])
    registry, clock = CollectorRegistry(), FakeClock()
    the_plan = plan(settings=f"{{state_dir: {folder}, snapshot_every: 5m}}")
    snapshots = Snapshots(the_plan, metrics=Metrics(registry), clock=clock)
    state = QueryState(the_plan, last_s=1_763_700_000.0)
    state.table.extend([(("n", str(number)),) for number in range(SERIES)])
    state.make_room()

    def saved(outcome: str) -> float:
        labels = {"action": "save", "outcome": outcome}
        return registry.get_sample_value("heronwatch_detector_snapshots_total", labels) or 0.0

    def turn(seconds: float) -> tuple[float, float, float, list[str]]:
        clock.advance(seconds)
        state.last_s += seconds
        snapshots.save_if_due(state)
        found = snapshots.restored(state.last_s)
        return saved("done"), saved("failed"), found.last_s if found else 0.0, sorted(p.name for p in folder.iterdir())

    out = {"before": turn(301)}
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError as exc:
            out["errno"] = exc.errno  # type: ignore[assignment]
    out["full"] = turn(301)
    filler.unlink()
    out["later"] = turn(301)
    sys.stdout.write(json.dumps(out))


if __name__ == "__main__":
    main()
