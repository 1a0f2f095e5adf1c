"""Real daemons for tests: each started on a free loopback port in a temporary folder, stopped by its own pid.

Every context manager polls until the daemon answers, raises with the last lines of its log when it does not,
and skips the test with the name of the Debian package when the binary is missing.
"""

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.fakes.processes import (
    LOOPBACK,
    Daemon,
    DaemonFailedError,
    find_binary,
    free_port,
    fresh_folder,
    http_ok,
    running,
    stop_process,
    tcp_open,
    wait_until,
)

__all__ = [
    "LOOPBACK",
    "Daemon",
    "DaemonFailedError",
    "alertmanager",
    "find_binary",
    "free_port",
    "http_ok",
    "node_exporter",
    "postgres",
    "prometheus",
    "running",
    "snmp_exporter",
    "snmpd",
    "sshd",
    "stop_process",
    "tcp_open",
    "victoria_metrics",
    "wait_until",
]


@contextlib.contextmanager
def prometheus(tmp_path: Path, config: str, *flags: str, port: int | None = None) -> Iterator[Daemon]:
    """Prometheus with remote write and lifecycle on; `config` is the text of prometheus.yml."""
    binary = find_binary("prometheus", "prometheus")
    folder, listen = fresh_folder(tmp_path, "prometheus"), port or free_port()
    (folder / "prometheus.yml").write_text(config)
    command = [
        binary,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={LOOPBACK}:{listen}",
        "--web.enable-remote-write-receiver",
        "--web.enable-lifecycle",
        "--web.console.libraries=",
        "--web.console.templates=",
        "--rules.alert.resend-delay=5s",
        *flags,
    ]
    with running(
        "prometheus", command, directory=folder, port=listen, ready=lambda d: http_ok(f"{d.url}/-/ready")
    ) as daemon:
        yield daemon


@contextlib.contextmanager
def alertmanager(tmp_path: Path, config: str, *flags: str, port: int | None = None) -> Iterator[Daemon]:
    """Alertmanager without gossip; `config` is the text of alertmanager.yml."""
    binary = find_binary("prometheus-alertmanager", "prometheus-alertmanager")
    folder, listen = fresh_folder(tmp_path, "alertmanager"), port or free_port()
    (folder / "alertmanager.yml").write_text(config)
    command = [
        binary,
        f"--config.file={folder / 'alertmanager.yml'}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address={LOOPBACK}:{listen}",
        "--cluster.listen-address=",
        *flags,
    ]
    with running(
        "alertmanager", command, directory=folder, port=listen, ready=lambda d: http_ok(f"{d.url}/-/ready")
    ) as daemon:
        yield daemon


@contextlib.contextmanager
def node_exporter(tmp_path: Path, *flags: str) -> Iterator[Daemon]:
    """prometheus-node-exporter with its default collectors."""
    binary = find_binary("prometheus-node-exporter", "prometheus-node-exporter")
    folder, listen = fresh_folder(tmp_path, "node_exporter"), free_port()
    command = [binary, f"--web.listen-address={LOOPBACK}:{listen}", *flags]
    with running(
        "node_exporter", command, directory=folder, port=listen, ready=lambda d: http_ok(f"{d.url}/")
    ) as daemon:
        yield daemon


@contextlib.contextmanager
def victoria_metrics(tmp_path: Path, *flags: str) -> Iterator[Daemon]:
    """VictoriaMetrics single node; fresh samples are visible at once (latency offset 1 s in place of 30 s)."""
    binary = find_binary("victoria-metrics", "victoria-metrics")
    folder, listen = fresh_folder(tmp_path, "victoria_metrics"), free_port()
    command = [
        binary,
        f"-httpListenAddr={LOOPBACK}:{listen}",
        f"-storageDataPath={folder / 'data'}",
        "-retentionPeriod=12",
        "-search.latencyOffset=1s",
        *flags,
    ]
    with running(
        "victoria_metrics", command, directory=folder, port=listen, ready=lambda d: http_ok(f"{d.url}/health")
    ) as daemon:
        yield daemon


@contextlib.contextmanager
def snmp_exporter(tmp_path: Path, config: str, *flags: str) -> Iterator[Daemon]:
    """Debian's prometheus-snmp-exporter; `config` is the text of snmp.yml in its own (0.21) format."""
    binary = find_binary("prometheus-snmp-exporter", "prometheus-snmp-exporter")
    folder, listen = fresh_folder(tmp_path, "snmp_exporter"), free_port()
    (folder / "snmp.yml").write_text(config)
    command = [
        binary,
        f"--config.file={folder / 'snmp.yml'}",
        f"--web.listen-address={LOOPBACK}:{listen}",
        *flags,
    ]
    with running(
        "snmp_exporter", command, directory=folder, port=listen, ready=lambda d: http_ok(f"{d.url}/metrics")
    ) as daemon:
        yield daemon


SNMPD_CONFIG = """\
agentAddress udp:{host}:{port}
rocommunity {community} {host}
sysLocation a rack in the test
sysContact tests
sysName snmpd.test
"""


@contextlib.contextmanager
def snmpd(tmp_path: Path, *, community: str = "public", extra: str = "") -> Iterator[Daemon]:
    """net-snmp's agent over UDP, v2c with `community`; `extra` lines are added to snmpd.conf (v3 users, …).

    A `createUser` line belongs into `extra` too: the persistent folder is the daemon's own.
    """
    binary = find_binary("snmpd", "snmpd")
    folder, listen = fresh_folder(tmp_path, "snmpd"), free_port(socket.SOCK_DGRAM)
    conf = folder / "snmpd.conf"
    conf.write_text(SNMPD_CONFIG.format(host=LOOPBACK, port=listen, community=community) + extra)
    persistent = folder / "persistent"
    persistent.mkdir()
    command = [binary, "-f", "-Lo", "-C", "-c", str(conf), "-p", str(folder / "pid")]
    env = {"SNMP_PERSISTENT_DIR": str(persistent), "MIBS": ""}
    with running(
        "snmpd", command, directory=folder, port=listen, ready=lambda d: _snmp_answers(d, community), env=env
    ) as daemon:
        daemon.details["community"] = community
        yield daemon


# SNMPv2c GetRequest for sysUpTime.0 (1.3.6.1.2.1.1.3.0), without the community: RFC 3416 section 4.2.1
_GET_SYSUPTIME = bytes.fromhex("a01902010102010002010030 0e300c06082b06010201010300 0500".replace(" ", ""))


def _snmp_answers(daemon: Daemon, community: str) -> bool:
    name = community.encode()
    body = b"\x02\x01\x01\x04" + bytes([len(name)]) + name + _GET_SYSUPTIME
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(0.3)
        probe.connect((daemon.host, daemon.port))
        try:
            probe.send(b"\x30" + bytes([len(body)]) + body)
            return bool(probe.recv(1500))
        except OSError:
            return False


SSHD_CONFIG = """\
Port {port}
ListenAddress {host}
HostKey {host_key}
AuthorizedKeysFile {authorized}
PidFile {folder}/sshd.pid
PasswordAuthentication no
KbdInteractiveAuthentication no
PubkeyAuthentication yes
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
UseDNS no
LogLevel VERBOSE
"""


@contextlib.contextmanager
def sshd(tmp_path: Path, *, extra: str = "") -> Iterator[Daemon]:
    """OpenSSH for the current user, public key only.

    details: user, key (private key file of the client), known_hosts (file), host_key (public key text).
    """
    binary = find_binary("sshd", "openssh-server")
    keygen = find_binary("ssh-keygen", "openssh-client")
    folder, listen = fresh_folder(tmp_path, "sshd"), free_port()
    host_key, client_key = folder / "host_ed25519", folder / "client_ed25519"
    for key in (host_key, client_key):
        subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True, timeout=50)
    authorized = folder / "authorized_keys"
    authorized.write_text(Path(f"{client_key}.pub").read_text())
    conf = folder / "sshd_config"
    values = {"port": listen, "host": LOOPBACK, "host_key": host_key, "authorized": authorized}
    conf.write_text(SSHD_CONFIG.format(folder=folder, **values) + extra)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # privilege separation, as Debian's unit makes it
    command = [binary, "-D", "-e", "-f", str(conf)]
    with running("sshd", command, directory=folder, port=listen, ready=lambda d: tcp_open(d.host, d.port)) as daemon:
        public = " ".join(Path(f"{host_key}.pub").read_text().split()[:2])
        known = folder / "known_hosts"
        known.write_text(f"[{daemon.host}]:{listen} {public}\n")
        daemon.details.update(user=getpass.getuser(), key=str(client_key), known_hosts=str(known), host_key=public)
        yield daemon


POSTGRES_DIRS = tuple(f"/usr/lib/postgresql/{version}/bin" for version in (18, 17, 16, 15, 14))
POSTGRES_FLAGS = ("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")


def _postgres_binary(name: str) -> str:
    for folder in POSTGRES_DIRS:
        if (Path(folder) / name).exists():
            return f"{folder}/{name}"
    return find_binary(name, "postgresql")


@contextlib.contextmanager
def postgres(tmp_path: Path) -> Iterator[Daemon]:
    """PostgreSQL with one empty database; details: dsn (postgresql://…), user, database, socket_dir.

    Run as root, it becomes the user `postgres` of the Debian package, since the server refuses root.
    """
    initdb, server = _postgres_binary("initdb"), _postgres_binary("postgres")
    folder, listen = fresh_folder(tmp_path, "postgres"), free_port()
    user = "postgres" if os.geteuid() == 0 else None
    data = folder / "data"
    if user:
        _hand_over(folder, user)
    initialise = [initdb, "-D", str(data), "-U", "heronwatch", "-A", "trust", "-E", "UTF8", "--no-sync"]
    done = subprocess.run(
        initialise, cwd=folder, user=user, group=user, extra_groups=[] if user else None,
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    if done.returncode:
        raise DaemonFailedError(f"initdb exited {done.returncode}:\n{done.stderr.decode(errors='replace')}")
    command = [server, "-D", str(data), "-p", str(listen), "-h", LOOPBACK, "-k", "", *POSTGRES_FLAGS]
    with running("postgres", command, directory=folder, port=listen, ready=_postgres_answers, user=user) as daemon:
        dsn = f"postgresql://heronwatch@{LOOPBACK}:{listen}/postgres"
        daemon.details.update(dsn=dsn, user="heronwatch", database="postgres")
        yield daemon


def _postgres_answers(daemon: Daemon) -> bool:
    return "ready to accept connections" in daemon.log() and tcp_open(daemon.host, daemon.port)


def _hand_over(folder: Path, user: str) -> None:
    """Give a folder to another user and let that user walk down to it (pytest's own folders are 0700)."""
    shutil.chown(folder, user, user)
    for parent in folder.parents:
        if parent == Path("/tmp") or parent.stat().st_uid != os.geteuid() or parent == Path("/"):
            break
        parent.chmod(parent.stat().st_mode | 0o011)
