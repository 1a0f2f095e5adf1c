"""The main job on real parts: `make demo` plays its incident, and every step of it leads where it must."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from demo.programs import find_binaries

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(600)  # two and a half minutes, on a machine four times slower four and a half
def test_demo_plays_its_incident_to_the_end(tmp_path: Path) -> None:
    binaries, missing = find_binaries()
    if binaries is None:
        pytest.skip(f"needs {', '.join(missing)}: apt-get install prometheus prometheus-alertmanager")
    played = subprocess.run(
        [sys.executable, "-m", "demo", "--check", "--duration", "240"],
        cwd=ROOT,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "TMPDIR": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=580,
        check=False,
    )
    assert played.stdout, played.stderr
    verdict = json.loads(played.stdout.splitlines()[-1])
    assert verdict["ok"], played.stdout[-4000:] + played.stderr[-2000:]
    assert played.returncode == 0
    assert 60 <= verdict["seconds_fault_to_message"] < 120  # the rule waits a minute by itself
    assert not list(tmp_path.glob("heronwatch-demo-*"))  # nothing is left behind
