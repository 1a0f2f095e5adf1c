"""Takes pictures of the dashboards: `python -m grafana.preview [--prometheus-url URL] [--out FOLDER]`.

Without an address it starts a Prometheus of its own over an invented fleet's past. Exit code 1: a panel could not be
drawn (its reason is printed); 3: a program is missing.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from grafana.preview.past import PartMissingError, find, prometheus
from grafana.preview.site import HERE, serving

PICTURES = HERE.parents[1] / "docs/pictures"
MODULES = HERE / "node_modules"
BUILD = HERE / "build"
HOURS = 6
MARGIN_HOURS = 1  # rates at the left edge need samples from before it
WIDTH_PX = 1600
NOTE = "Drawn with Grafana's UI packages from a real Prometheus{data}"


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One picture: which board, with which variables, and which collapsed rows opened."""

    name: str
    board: str
    variables: tuple[tuple[str, str], ...] = ()
    opened: tuple[int, ...] = ()


def shots(device: str, port: str) -> list[Shot]:
    """Return the pictures of the README and of docs/dashboards.md."""
    one_port = (("instance", device), ("ifName", port))
    return [
        Shot(name="home", board="heronwatch-home"),
        Shot(name="fleet", board="heronwatch-network-fleet"),
        Shot(name="on-call", board="heronwatch-oncall"),
        Shot(name="device", board="heronwatch-device", variables=(("instance", device),)),
        Shot(name="interface", board="heronwatch-interface", variables=one_port),
        Shot(name="power", board="heronwatch-power"),
        Shot(name="anomalies", board="heronwatch-anomalies"),
        Shot(name="anomaly-series", board="heronwatch-anomaly-series"),
        Shot(name="forecast", board="heronwatch-forecast"),
        Shot(name="detector", board="heronwatch-detector"),
    ]


def install() -> None:
    """Install the locked npm packages where they are missing or older than the lock, then bundle the page."""
    npm, node = find("npm", "npm"), find("node", "nodejs")
    lock, mark = HERE / "package-lock.json", MODULES / ".package-lock.json"
    if not mark.exists() or mark.stat().st_mtime < lock.stat().st_mtime:
        sys.stdout.write("Installing Grafana's UI packages from npm (once; about half a minute, 450 MB)\n")
        sys.stdout.flush()
        subprocess.run([npm, "ci", "--no-progress", "--loglevel=error"], cwd=HERE, check=True)
    subprocess.run([node, "bundle.mjs", str(BUILD)], cwd=HERE, check=True)


def take(shot: Shot, page: str, end: int, *, note: str, folder: Path) -> int:
    """Take one picture; returns the exit code of the browser's script, which prints what failed."""
    variables = [(f"var-{name}", value) for name, value in shot.variables]
    rows = [("open", row) for row in shot.opened]
    times = [("from", (end - HOURS * 3600) * 1000), ("to", end * 1000)]
    address = page + "?" + urlencode([("board", shot.board), *times, *variables, *rows, ("note", note)])
    picture = folder / f"{shot.name}.png"
    started = time.monotonic()
    command = [find("node", "nodejs"), "shoot.mjs", find("chromium", "chromium"), address, str(picture), str(WIDTH_PX)]
    code = subprocess.run(command, cwd=HERE, check=False).returncode
    sys.stdout.write(f"{picture}: {'failed' if code else 'taken'} in {time.monotonic() - started:.1f} s\n")
    return code


def main(arguments: Sequence[str] | None = None) -> int:
    """Install, start, take, stop; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m grafana.preview", description=__doc__)
    parser.add_argument(
        "--prometheus-url", metavar="URL", help="draw from this Prometheus, e.g. that of a running demo"
    )
    parser.add_argument("--device", default="core-1", help="the device that is drawn (default: %(default)s)")
    parser.add_argument("--port", default="Ethernet1/1", help="its port that is drawn (default: %(default)s)")
    parser.add_argument("--only", metavar="NAME", action="append", help="draw this picture alone; repeatable")
    parser.add_argument("--out", type=Path, default=PICTURES, help="folder of the pictures (default: docs/pictures)")
    options = parser.parse_args(arguments)
    started = time.monotonic()
    try:
        install()
        wanted = [shot for shot in shots(options.device, options.port) if not options.only or shot.name in options.only]
        code = _take_all(options.prometheus_url, wanted, options.out.resolve())
    except PartMissingError as missing:
        sys.stderr.write(f"{missing}\n")
        return 3
    sys.stdout.write(f"all in {time.monotonic() - started:.1f} s\n")
    return code


def _take_all(url: str | None, wanted: Sequence[Shot], folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    end = int(time.time()) // 60 * 60
    with ExitStack() as stack:
        if url is None:
            state = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="heronwatch-preview-")))
            url = stack.enter_context(prometheus(state, end, HOURS + MARGIN_HOURS))
            note = NOTE.format(data=", data of an invented fleet")
        else:
            note = NOTE.format(data="")
        site = stack.enter_context(serving(BUILD, url))
        return max(take(shot, site.url, end, note=note, folder=folder) for shot in wanted)


if __name__ == "__main__":
    sys.exit(main())
