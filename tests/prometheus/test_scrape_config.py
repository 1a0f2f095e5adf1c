"""The shipped prometheus.yml: valid on the floor, and what the rules and the demo rely on."""

import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.fakes.daemons import find_binary

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "prometheus/prometheus.yml"
UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600}


def config() -> dict[str, Any]:
    return yaml.safe_load(CONFIG.read_text())


def seconds(duration: str) -> int:
    number, unit = re.fullmatch(r"(\d+)([smh])", duration).groups()
    return int(number) * UNIT_SECONDS[unit]


def jobs() -> dict[str, dict[str, Any]]:
    return {job["job_name"]: job for job in config()["scrape_configs"]}


def test_promtool_accepts_it_with_its_rules() -> None:
    command = [find_binary("promtool", "prometheus"), "check", "config", str(CONFIG)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_devices_come_from_sd_without_relabelling() -> None:
    job = jobs()["heronwatch-devices"]
    assert [sd["url"] for sd in job["http_sd_configs"]] == ["http://127.0.0.1:9810/sd"]
    assert not {"relabel_configs", "metric_relabel_configs"} & set(job)


def test_every_service_is_scraped_under_the_name_that_rules_use() -> None:
    rules = " ".join(path.read_text() for path in (ROOT / "prometheus/rules").glob("*.yml"))
    named = set(re.findall(r'up\{job="([^"]+)"', rules))
    assert named == {"heronwatch-exporter", "heronwatch-detector", "heronwatch-webhook"}
    assert named | {"prometheus", "alertmanager", "heronwatch-devices"} == set(jobs())


def test_ingest_alarm_is_above_three_times_the_longest_interval() -> None:
    meta = (ROOT / "prometheus/rules/meta.yml").read_text()
    thresholds = {int(number) for number in re.findall(r"timestamp\(up\)\) [<>] (\d+)", meta)}
    intervals = [config()["global"]["scrape_interval"], *(job.get("scrape_interval", "1s") for job in jobs().values())]
    longest_documented_s = 60
    assert thresholds == {240}
    assert max(map(seconds, intervals)) <= longest_documented_s < 240 / 3
    assert max(thresholds) < 300, "beyond the look-back of five minutes `up` is absent, and nothing is compared"


def test_no_address_but_loopback() -> None:
    hosts = set(re.findall(r"(\d+\.\d+\.\d+\.\d+):\d+", CONFIG.read_text()))
    assert hosts == {"127.0.0.1"}
