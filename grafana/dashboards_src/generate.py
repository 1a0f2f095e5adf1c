"""Writes grafana/dashboards from dashboards_src: `python -m grafana.dashboards_src.generate [--check]`.

With --check nothing is written: exit code 1 and the name of every file that is missing, stale or too many.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models

from grafana.dashboards_src import (
    anomalies,
    anomaly_series,
    detector,
    device,
    fleet,
    forecast,
    home,
    interface,
    oncall,
    power,
)

FOLDER: Final = Path(__file__).parents[1] / "dashboards"
# a folder of files is a folder in Grafana (foldersFromFilesStructure)
BOARDS: Final[Mapping[str, Callable[[], models.Dashboard]]] = {
    "Infrastructure/heronwatch-home.json": home.build,
    "Infrastructure/heronwatch-network-fleet.json": fleet.build,
    "Infrastructure/heronwatch-device.json": device.build,
    "Infrastructure/heronwatch-interface.json": interface.build,
    "Infrastructure/heronwatch-power.json": power.build,
    "Infrastructure/heronwatch-oncall.json": oncall.build,
    "Infrastructure/heronwatch-anomalies.json": anomalies.build,
    "Infrastructure/heronwatch-anomaly-series.json": anomaly_series.build,
    "Infrastructure/heronwatch-forecast.json": forecast.build,
    "Infrastructure/heronwatch-detector.json": detector.build,
}


def text_of(board: models.Dashboard) -> str:
    """Return a board as the JSON that Grafana provisions: sorted keys, so that a change shows as a small difference."""
    value = json.loads(JSONEncoder().encode(board))
    value["id"] = None
    value["panels"] = [_without_nulls(panel) for panel in value["panels"]]
    for shown in (*value["annotations"]["list"], *value["links"]):
        del shown["placement"]  # the SDK knows only "hidden in a menu"; absent means visible
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _without_nulls(value: object) -> object:
    """Drop empty members, except a threshold's null, which stands for minus infinity."""
    if isinstance(value, dict):
        is_step = set(value) == {"value", "color"}
        return {key: _without_nulls(item) for key, item in value.items() if item is not None or is_step}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def files() -> dict[Path, str]:
    """Return every dashboard's path and text."""
    return {FOLDER / name: text_of(build()) for name, build in BOARDS.items()}


def stale(wanted: Mapping[Path, str]) -> list[str]:
    """Return what differs between the folder and the sources, one line each."""
    different = [
        f"{path.relative_to(FOLDER)}: differs from its source"
        for path, text in wanted.items()
        if not path.is_file() or path.read_text() != text
    ]
    orphans = [path for path in sorted(FOLDER.rglob("*.json")) if path not in wanted]
    return different + [f"{path.relative_to(FOLDER)}: has no source" for path in orphans]


def main(arguments: list[str] | None = None) -> int:
    """Write the dashboards, or compare them; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m grafana.dashboards_src.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a file is not current")
    wanted = files()
    if parser.parse_args(arguments).check:
        faults = stale(wanted)
        sys.stdout.writelines(f"{fault}\n" for fault in faults)
        return 1 if faults else 0
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
