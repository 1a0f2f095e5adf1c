"""Grafana's provisioning files agree with the dashboards and the scrape config."""

from pathlib import Path
from typing import Any

import yaml

from grafana.dashboards_src.frame import PROMETHEUS_UID

ROOT = Path(__file__).parents[2]


def sources() -> dict[str, dict[str, Any]]:
    text = (ROOT / "grafana/provisioning/datasources/heronwatch.yml").read_text()
    return {source["type"]: source for source in yaml.safe_load(text)["datasources"]}


def test_prometheus_has_the_uid_that_dashboards_start_with() -> None:
    assert sources()["prometheus"]["uid"] == PROMETHEUS_UID
    assert sources()["prometheus"]["isDefault"] is True


def test_prometheus_and_alertmanager_know_each_other() -> None:
    wanted = sources()["prometheus"]["jsonData"]["alertmanagerUid"]
    assert wanted == sources()["alertmanager"]["uid"] == "heronwatch-alertmanager"


def test_interval_is_the_scrape_interval() -> None:
    scrape = yaml.safe_load((ROOT / "prometheus/prometheus.yml").read_text())["global"]["scrape_interval"]
    assert sources()["prometheus"]["jsonData"]["timeInterval"] == scrape


def test_nothing_can_be_edited_in_the_browser() -> None:
    assert all(source["editable"] is False for source in sources().values())
    text = (ROOT / "grafana/provisioning/dashboards/heronwatch.yml").read_text()
    provider = yaml.safe_load(text)["providers"][0]
    assert provider["allowUiUpdates"] is False
    assert provider["options"]["foldersFromFilesStructure"] is True


def test_no_password_in_a_file() -> None:
    assert not any("secureJsonData" in source or "basicAuth" in source for source in sources().values())
