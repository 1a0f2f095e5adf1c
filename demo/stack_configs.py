"""The shipped Prometheus and Alertmanager configs with the demo's addresses in place of theirs; rules stay the same."""

from pathlib import Path
from typing import Any

import yaml

from demo.site import Site

ROOT = Path(__file__).parents[1]
INTERVAL = "5s"  # scrape and evaluation: an incident in minutes rather than tens of minutes


def write_prometheus(site: Site) -> Path:
    """Write prometheus.yml for this site and return its path."""
    config = _read(ROOT / "prometheus" / "prometheus.yml")
    config["global"].update(scrape_interval=INTERVAL, evaluation_interval=INTERVAL, scrape_timeout="4s")
    config["rule_files"] = [str(ROOT / "prometheus" / "rules" / "*.yml")]
    config["alerting"]["alertmanagers"] = [{"static_configs": [{"targets": [_address(site.alertmanager_port)]}]}]
    ports = {
        "heronwatch-exporter": site.exporter_port,
        "heronwatch-detector": site.detector_port,
        "heronwatch-webhook": site.webhook_port,
        "prometheus": site.prometheus_port,
        "alertmanager": site.alertmanager_port,
    }
    for job in config["scrape_configs"]:
        for discovery in job.get("http_sd_configs", ()):
            discovery.update(url=f"{site.url(site.exporter_port)}/sd", refresh_interval="5s")
        if job["job_name"] in ports:
            job["static_configs"] = [{"targets": [_address(ports[job["job_name"]])]}]
    return _write(site.folder / "prometheus.yml", config)


def write_alertmanager(site: Site, token_file: Path) -> Path:
    """Write alertmanager.yml for this site and return its path."""
    config = _read(ROOT / "alertmanager" / "alertmanager.yml")
    config["global"].update(smtp_smarthost=_address(site.mail_port), smtp_require_tls=False)
    config["templates"] = [str(ROOT / "alertmanager" / "templates" / "*.tmpl")]
    for receiver in config["receivers"]:
        for hook in receiver.get("webhook_configs", ()):
            hook["url"] = f"{site.url(site.webhook_port)}/api/v1/intake/alertmanager/main"
            hook["http_config"]["authorization"]["credentials_file"] = str(token_file)
        for mail in receiver.get("email_configs", ()):
            mail["to"] = "second-path@example.org"
    return _write(site.folder / "alertmanager.yml", config)


def _address(port: int) -> str:
    return f"127.0.0.1:{port}"


def _read(path: Path) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load(path.read_text())
    return config


def _write(path: Path, config: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return path
