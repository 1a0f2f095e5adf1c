"""The same tests and the same demo on the newest Prometheus, Alertmanager and VictoriaMetrics.

Debian unstable's packages, unpacked beside (scripts/newest_peers.py), come first on PATH; nothing else changes.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.newest_peers import NoNewestError, fetch
from scripts.newest_peers import version as newest_version

pytestmark = [pytest.mark.newest, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
PACKAGES = {"prometheus": "3.", "prometheus-alertmanager": "0.3", "victoria-metrics": "1.1"}
ON_REAL_DAEMONS = {
    "rules, dashboards and scrape config": ("tests/prometheus/test_rules_live.py", "tests/grafana/test_queries.py"),
    "targets": ("tests/exporters/test_prometheus.py",),
    "detector": ("tests/anomaly_detector/test_end_to_end.py", "tests/anomaly_detector/sink"),
    "routes": ("tests/alertmanager/test_alertmanager_live.py",),
    "webhook": ("tests/alert_webhook/test_alertmanager.py",),
}


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    """An environment in which the newest programs are found first."""
    try:
        folders = [fetch(package) / "usr" / "bin" for package in PACKAGES]
    except NoNewestError as error:
        pytest.skip(f"the newest peers cannot be had: {error}")
    return {**os.environ, "PATH": os.pathsep.join([*map(str, folders), os.environ["PATH"]])}


@pytest.mark.parametrize("package", PACKAGES)
def test_newest_program_is_the_one_found(package: str, environment: dict[str, str]) -> None:
    found = shutil.which(package, path=environment["PATH"])
    assert found == str(fetch(package) / "usr" / "bin" / package)
    assert newest_version(package).startswith(PACKAGES[package])


@pytest.mark.parametrize("part", ON_REAL_DAEMONS)
def test_tests_on_real_daemons_pass(part: str, environment: dict[str, str]) -> None:
    files = [file for file in ON_REAL_DAEMONS[part] if (ROOT / file).exists()]
    assert files, ON_REAL_DAEMONS[part]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider", *files],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert " skipped" not in done.stdout.splitlines()[-1], done.stdout[-1000:]


def test_demo_plays_its_incident_on_the_newest(environment: dict[str, str], tmp_path: Path) -> None:
    played = subprocess.run(
        [sys.executable, "-m", "demo", "--check", "--duration", "240"],
        cwd=ROOT,
        env={**environment, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert played.stdout, played.stderr
    assert json.loads(played.stdout.splitlines()[-1])["ok"], played.stdout[-3000:]
