"""The demo's exporters.yml, detector.yml and webhook.yml, written as an engineer would write them."""

from pathlib import Path
from typing import Any

import yaml

from demo.site import FIRST, METER, MODBUS_MODULE, REAL_AGENT, SECOND, SITE, SSH_HOST, Site
from demo.story import ESCALATION_DELAY_S
from demo.traffic import WEEK_S

STEP = "15s"
HISTORY_STEP_S = 30  # of the week, which has a point a minute: closer ones would tell the detector nothing more


def write_exporters(site: Site, *, community_file: Path, ssh_key: Path, known_hosts: Path, real_agent: bool) -> Path:
    """Write exporters.yml and return its path."""
    config = {
        "version": 1,
        "credentials": {
            "demo-community": {"protocol": "snmp", "community": {"file": str(community_file)}},
            "demo-key": {
                "protocol": "ssh",
                "username": "monitor",
                "private_key": {"file": str(ssh_key)},
                "known_hosts": str(known_hosts),
            },
        },
        "devices": _devices(site, real_agent=real_agent),
    }
    return _write(site.folder / "exporters.yml", config)


def _devices(site: Site, *, real_agent: bool) -> list[dict[str, Any]]:
    labels = {"site": SITE, "team": "network"}
    devices: list[dict[str, Any]] = [
        {
            "name": device.name,
            "address": f"127.0.0.1:{device.port}",
            "modules": list(device.modules),
            "protocol": "snmp",
            "credential": "demo-community",
            "labels": labels,
        }
        for device in site.devices
    ]
    if real_agent:
        address = f"127.0.0.1:{site.snmpd_port}"
        devices.append({**devices[0], "name": REAL_AGENT, "address": address, "modules": ["system", "if_mib"]})
    return [
        *devices,
        {
            "name": METER,
            "address": f"127.0.0.1:{site.modbus_port}",
            "module": MODBUS_MODULE,
            "unit": 1,
            "labels": {"site": SITE, "team": "facilities"},
        },
        {
            "name": SSH_HOST,
            "address": f"127.0.0.1:{site.ssh_port}",
            "module": "linux",
            "credential": "demo-key",
            "labels": labels,
        },
    ]


def write_detector(site: Site) -> Path:
    """Write detector.yml and return its path."""
    url = site.url(site.prometheus_port)
    outputs = ["anomaly_score", "yhat", "yhat_lower", "yhat_upper"]
    queries = {
        f"interface_traffic_{way}": {
            "expr": f'rate({family}{{job="snmp"}}[2m]) * 8 > 0',
            "step": STEP,
            "provide_series": outputs,
        }
        for way, family in (("in", "ifHCInOctets"), ("out", "ifHCOutOctets"))
    }
    points = WEEK_S // HISTORY_STEP_S * sum(device.moving for device in site.devices)
    config = {
        "reader": {"datasource_url": url, "max_history_points": points, "queries": queries},
        "models": {"usual": {"class": "seasonal_robust"}},
        "writer": {"targets": [{"datasource_url": url}]},
        "groups": {"history": "4d"},  # of a week; the days before them are what this is learnt from
        "settings": {"state_dir": str(site.folder / "detector-state")},
    }
    return _write(site.folder / "detector.yml", config)


def write_webhook(site: Site, *, token_file: Path, sms_token_file: Path) -> Path:
    """Write webhook.yml and return its path."""
    people = {
        person.name: {
            "contacts": [{"channel": "sms", "address": person.phone}, {"channel": "mail", "address": person.mail}]
        }
        for person in (FIRST, SECOND)
    }
    config = {
        "version": 1,
        "database": {"sqlite": str(site.folder / "webhook.db")},
        "public_url": site.url(site.public_port),
        "integrations": {"main": {"tokens": [{"file": str(token_file)}], "policy": "on-call"}},
        "people": people,
        "policies": {
            "on-call": {
                "steps": [
                    {"notify": [FIRST.name]},
                    {"after": f"{ESCALATION_DELAY_S:.0f}s", "notify": [SECOND.name]},
                ]
            }
        },
        "channels": _channels(site, sms_token_file),
    }
    return _write(site.folder / "webhook.yml", config)


def _channels(site: Site, sms_token_file: Path) -> dict[str, dict[str, Any]]:
    return {
        "sms": {
            "type": "twilio_sms",
            "account_sid": site.sms_account,
            "auth_token": {"file": str(sms_token_file)},
            "from": "+15005550006",
            "base_url": site.url(site.sms_port),
            "allowed_networks": ["127.0.0.0/8"],  # the sink; messages go to no inside address otherwise
        },
        "mail": {
            "type": "smtp",
            "host": "127.0.0.1",
            "port": site.mail_port,
            "tls": "none",
            "from": "heronwatch@example.org",
        },
    }


def _write(path: Path, config: dict[str, Any]) -> Path:
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return path
