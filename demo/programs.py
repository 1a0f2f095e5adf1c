"""The demo's programs as commands: simulators, the three services, Prometheus, Alertmanager, Grafana."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from demo.site import MODBUS_MODULE, Site
from demo.supervisor import READY_TIMEOUT_S, Child, accepts_tcp, answers
from heronwatch.doctor import find_program

ROOT = Path(__file__).parents[1]
HERONWATCH = (sys.executable, "-m", "heronwatch")
LISTENING = "listening on"
LEARNING_TIMEOUT_S = 180.0  # the detector is ready once it has learnt a week: seconds, on a busy machine many
RESEND_DELAY = "5s"  # an alert that fires before the notifier has found Alertmanager is sent again this soon


@dataclass(frozen=True, kw_only=True)
class Binaries:
    """The paths of the programs that are not ours; None for what may be missing."""

    prometheus: str
    promtool: str
    alertmanager: str
    snmpd: str | None = None
    grafana: str | None = None
    missing: Mapping[str, str] = field(default_factory=dict)


def find_binaries() -> tuple[Binaries | None, list[str]]:
    """Return the programs found, or None and the names of those without which the demo cannot run."""
    prometheus, promtool = find_program("prometheus"), find_program("promtool")
    alertmanager = find_program("prometheus-alertmanager") or find_program("alertmanager")
    if prometheus and promtool and alertmanager:
        grafana = find_program("grafana") or find_program("grafana-server")
        return Binaries(
            prometheus=prometheus,
            promtool=promtool,
            alertmanager=alertmanager,
            snmpd=find_program("snmpd"),
            grafana=grafana,
        ), []
    needed = {"prometheus": prometheus, "promtool": promtool, "prometheus-alertmanager": alertmanager}
    return None, [name for name, path in needed.items() if not path]


def snmp_simulator(site: Site) -> Child:
    """Return the one process that plays all recorded SNMP devices, each on a port of its own."""
    command = [*HERONWATCH, "exporter", "simulate", "snmp"]
    for device in site.devices:
        command += ["--recording", str(device.recording_path()), "--listen", f"127.0.0.1:{device.port}"]
        command += ["--live", str(site.live_file(device.name))]
    command += ["--community", site.community]  # of simulated devices on loopback, for as long as the demo runs
    last = f"{LISTENING} 127.0.0.1:{site.devices[-1].port}"
    return Child(name="snmp devices", command=command, ready_text=last)


def simulators(site: Site, *, ssh_files: Path) -> Iterator[Child]:
    """Yield the simulated devices."""
    yield snmp_simulator(site)
    yield Child(
        name="meter-1",
        command=[*HERONWATCH, "exporter", "simulate", "modbus", "--module", MODBUS_MODULE]
        + ["--listen", f"127.0.0.1:{site.modbus_port}", "--unit", "1"],
        ready=accepts_tcp(site.modbus_port),
    )
    yield Child(
        name="host-1",
        command=[*HERONWATCH, "exporter", "simulate", "ssh", "--listen", f"127.0.0.1:{site.ssh_port}"]
        + ["--user", "monitor", "--authorized-key", str(ssh_files / "client.pub")]
        + ["--host-key", str(ssh_files / "host")],
        ready=accepts_tcp(site.ssh_port),
    )


def real_agent(site: Site, snmpd: str) -> Child:
    """Return net-snmp's agent on a loopback port, reading nothing but its own small config."""
    config = site.folder / "snmpd.conf"
    config.touch(mode=0o600)
    config.write_text(
        f"agentaddress udp:127.0.0.1:{site.snmpd_port}\nrocommunity {site.community} 127.0.0.1\n"
        "sysLocation Heronwatch demo\nsysName linux-1\n"
    )
    return Child(
        name="linux-1",
        command=[snmpd, "-f", "-Lo", "-C", "-c", str(config), "-p", str(site.folder / "snmpd.pid"), "-I", "-smux"],
        environment={"SNMP_PERSISTENT_DIR": str(site.folder / "snmpd")},
    )


def exporter(site: Site, config: Path) -> Child:
    """Return the exporters."""
    return _service(site, "exporter", ["exporter", "serve", "--config.file", str(config)], site.exporter_port)


def detector(site: Site, config: Path) -> Child:
    """Return the detector."""
    command = ["detector", "serve", "--config.file", str(config)]
    return _service(site, "detector", command, site.detector_port, ready_timeout_s=LEARNING_TIMEOUT_S)


def webhook(site: Site, config: Path) -> Child:
    """Return the webhook with its engine."""
    command = ["webhook", "all", "--config.file", str(config)]
    command += [f"--web.public-listen-address=127.0.0.1:{site.public_port}"]
    return _service(site, "webhook", command, site.webhook_port)


def _service(
    site: Site, name: str, command: list[str], port: int, *, ready_timeout_s: float = READY_TIMEOUT_S
) -> Child:
    return Child(
        name=name,
        command=[*HERONWATCH, *command, f"--web.listen-address=127.0.0.1:{port}"],
        ready=answers(f"{site.url(port)}/-/ready"),
        ready_timeout_s=ready_timeout_s,
    )


def prometheus(site: Site, binary: str, config: Path, data: Path) -> Child:
    """Return Prometheus with the remote-write receiver on."""
    return Child(
        name="prometheus",
        command=[binary, f"--config.file={config}", f"--storage.tsdb.path={data}"]
        + [f"--web.listen-address=127.0.0.1:{site.prometheus_port}", "--web.enable-remote-write-receiver"]
        + ["--web.enable-lifecycle", f"--rules.alert.resend-delay={RESEND_DELAY}"]
        + ["--enable-feature=extra-scrape-metrics"],
        ready=answers(f"{site.url(site.prometheus_port)}/-/ready"),
    )


def alertmanager(site: Site, binary: str, config: Path) -> Child:
    """Return Alertmanager, alone (gossip off)."""
    return Child(
        name="alertmanager",
        command=[binary, f"--config.file={config}", f"--storage.path={site.folder / 'alertmanager'}"]
        + [f"--web.listen-address=127.0.0.1:{site.alertmanager_port}", "--cluster.listen-address="],
        ready=answers(f"{site.url(site.alertmanager_port)}/-/ready"),
    )


def grafana(site: Site, binary: str) -> Child:
    """Return Grafana with the shipped dashboards and anonymous viewing on loopback."""
    command = [binary] if Path(binary).name == "grafana-server" else [binary, "server"]
    home = next((path for path in ("/usr/share/grafana", "/opt/homebrew/share/grafana") if Path(path).is_dir()), None)
    return Child(
        name="grafana",
        command=[*command, *(["--homepath", home] if home else [])],
        environment={
            "GF_SERVER_HTTP_ADDR": "127.0.0.1",
            "GF_SERVER_HTTP_PORT": str(site.grafana_port),
            "GF_PATHS_DATA": str(site.folder / "grafana"),
            "GF_PATHS_LOGS": str(site.folder / "grafana"),
            "GF_PATHS_PROVISIONING": str(ROOT / "grafana" / "provisioning"),
            "GF_SECURITY_ADMIN_PASSWORD": site.grafana_password,
            "GF_AUTH_ANONYMOUS_ENABLED": "true",
            "GF_ANALYTICS_REPORTING_ENABLED": "false",
            "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
            "HERONWATCH_PROMETHEUS_URL": site.url(site.prometheus_port),
            "HERONWATCH_ALERTMANAGER_URL": site.url(site.alertmanager_port),
            "HERONWATCH_DASHBOARDS": str(ROOT / "grafana" / "dashboards"),
        },
        ready=answers(f"{site.url(site.grafana_port)}/api/health"),
    )


def add_user(config: Path, name: str, password: str) -> None:
    """Create a local user who may look at the incidents. Raises CalledProcessError."""
    subprocess.run(
        [*HERONWATCH, "webhook", "user", "add", name, "--config.file", str(config)],
        input=password + "\n",
        text=True,
        check=True,
        capture_output=True,
        env=dict(os.environ),
    )
