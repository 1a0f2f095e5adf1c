"""Each real daemon starts, answers and is gone afterwards."""

import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import psycopg
import pytest

from tests.fakes import daemons
from tests.fakes.daemons import Daemon, DaemonFailedError

PROMETHEUS_YML = "global: {scrape_interval: 1s}\nscrape_configs: []\n"
ALERTMANAGER_YML = "route: {receiver: none}\nreceivers: [{name: none}]\n"
SNMP_YML = "system:\n  walk: [1.3.6.1.2.1.1]\n  metrics: []\n"

START: dict[str, Callable[[Path], AbstractContextManager[Daemon]]] = {
    "prometheus": lambda path: daemons.prometheus(path, PROMETHEUS_YML),
    "alertmanager": lambda path: daemons.alertmanager(path, ALERTMANAGER_YML),
    "node_exporter": daemons.node_exporter,
    "victoria_metrics": daemons.victoria_metrics,
    "snmp_exporter": lambda path: daemons.snmp_exporter(path, SNMP_YML),
    "snmpd": daemons.snmpd,
    "sshd": daemons.sshd,
    "postgres": daemons.postgres,
}


@pytest.mark.parametrize("name", START)
def test_daemon_starts_and_is_gone_afterwards(name: str, tmp_path: Path) -> None:
    with START[name](tmp_path) as daemon:
        assert daemon.alive()
    assert daemon.process.returncode is not None


def test_daemon_that_exits_early_shows_its_last_lines(tmp_path: Path) -> None:
    with (
        pytest.raises(DaemonFailedError, match="yaml"),
        daemons.prometheus(tmp_path, "scrape_configs: {not: a list}\n"),
    ):
        pass


def test_missing_binary_skips_with_the_package_name() -> None:
    with pytest.raises(pytest.skip.Exception, match="needs no-such-binary: apt-get install no-such-package"):
        daemons.find_binary("no-such-binary", "no-such-package")


def test_sshd_lets_the_made_key_in(tmp_path: Path) -> None:
    with daemons.sshd(tmp_path) as server:
        command = ["ssh", "-F", "none", "-p", str(server.port), "-i", server.details["key"]]
        options = ["-o", f"UserKnownHostsFile={server.details['known_hosts']}", "-o", "BatchMode=yes"]
        target = f"{server.details['user']}@{server.host}"
        done = subprocess.run(
            [*command, *options, target, "echo hello"], capture_output=True, text=True, timeout=50, check=False
        )
    assert done.stdout == "hello\n", done.stderr


def test_postgres_answers_queries(tmp_path: Path) -> None:
    with daemons.postgres(tmp_path) as server, psycopg.connect(server.details["dsn"]) as connection:
        assert connection.execute("select 41 + 1").fetchone() == (42,)


def test_two_of_a_kind_run_side_by_side(tmp_path: Path) -> None:
    with daemons.snmpd(tmp_path) as first, daemons.snmpd(tmp_path) as second:
        assert first.port != second.port
