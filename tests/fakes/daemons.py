"""Real daemons for tests: each started on a free loopback port in a temporary folder, stopped by its own pid.

Every context manager polls until the daemon answers, raises with the last lines of its log when it does not,
and skips the test with the name of the Debian package when the binary is missing.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, build_opener

import pytest

LOOPBACK = "127.0.0.1"
READY_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0
LOG_TAIL_LINES = 25
DAEMON_DIRS = ("/usr/sbin", "/sbin", "/usr/local/bin", "/opt/homebrew/bin")
_DIRECT = build_opener(ProxyHandler({}))  # loopback never goes through a proxy


class DaemonFailedError(RuntimeError):
    """A daemon exited early or did not answer in time; the message ends with its last log lines."""


@dataclass
class Daemon:
    """A running process and how to reach it."""

    name: str
    process: subprocess.Popen[bytes]
    port: int
    log_path: Path
    directory: Path
    host: str = LOOPBACK
    details: dict[str, str] = field(default_factory=dict)  # e.g. user, key file, dsn

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def log(self) -> str:
        """Everything the daemon wrote to stdout and stderr so far."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def tail(self) -> str:
        return "\n".join(self.log().splitlines()[-LOG_TAIL_LINES:])

    def alive(self) -> bool:
        return self.process.poll() is None

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def reload(self) -> None:
        """SIGHUP, which every daemon here takes as "read your files again"."""
        self.signal(signal.SIGHUP)

    def stop(self) -> None:
        """SIGTERM, then SIGKILL after STOP_TIMEOUT_S; returns once the process is gone."""
        stop_process(self.process)


def wait_until(predicate: Callable[[], object], timeout_s: float = 10.0, what: str = "a condition") -> None:
    """Poll until the predicate is true; AssertionError naming `what` after timeout_s."""
    deadline = time.monotonic() + timeout_s
    pause_s = 0.005
    while not predicate():
        if time.monotonic() >= deadline:
            raise AssertionError(f"waited {timeout_s:g} s for {what}")
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, 0.1)


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A loopback port that is free now; with SOCK_DGRAM, one free for UDP."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def find_binary(name: str, package: str) -> str:
    """Absolute path of an installed binary; skips the test when there is none."""
    search = os.pathsep.join([os.environ.get("PATH", ""), *DAEMON_DIRS])
    found = shutil.which(name, path=search)
    if found is None:
        pytest.skip(f"needs {name}: apt-get install {package}")
    return found


def stop_process(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, then SIGKILL after STOP_TIMEOUT_S; the process is reaped on return."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


def http_ok(url: str) -> bool:
    """Whether a GET answers 2xx at once."""
    try:
        with _DIRECT.open(url, timeout=2) as answer:
            return 200 <= int(answer.status) < 300
    except (URLError, HTTPError, OSError, ValueError):
        return False


def tcp_open(host: str, port: int) -> bool:
    """Whether a TCP connection can be made at once."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def _await_ready(daemon: Daemon, ready: Callable[[], bool]) -> None:
    def settled() -> bool:
        return not daemon.alive() or ready()

    try:
        wait_until(settled, READY_TIMEOUT_S, f"{daemon.name} to be ready")
    except AssertionError as error:
        raise DaemonFailedError(f"{error}; its last lines:\n{daemon.tail()}") from error
    if not daemon.alive():
        raise DaemonFailedError(f"{daemon.name} exited {daemon.process.returncode}:\n{daemon.tail()}")


@contextlib.contextmanager
def running(
    name: str,
    command: Sequence[str],
    *,
    directory: Path,
    port: int,
    ready: Callable[[Daemon], bool],
    env: Mapping[str, str] | None = None,
    user: str | None = None,
) -> Iterator[Daemon]:
    """Start a command, wait until it is ready, stop it at the end: also for our own services."""
    directory.mkdir(parents=True, exist_ok=True)
    log_path = directory / f"{name}.log"
    with log_path.open("ab") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=directory,
            env={**os.environ, **(env or {})},
            user=user,
            group=user,
            extra_groups=[] if user else None,
        )
    daemon = Daemon(name=name, process=process, port=port, log_path=log_path, directory=directory)
    try:
        _await_ready(daemon, lambda: ready(daemon))
        yield daemon
    finally:
        daemon.stop()


def _folder(tmp_path: Path, name: str) -> Path:
    """A fresh folder under tmp_path, numbered, so that a test may start two of a kind."""
    for number in range(1, 1000):
        folder = tmp_path / (name if number == 1 else f"{name}-{number}")
        if not folder.exists():
            folder.mkdir(parents=True)
            return folder
    raise DaemonFailedError(f"no free folder for {name} in {tmp_path}")


@contextlib.contextmanager
def prometheus(tmp_path: Path, config: str, *flags: str, port: int | None = None) -> Iterator[Daemon]:
    """Prometheus with remote write and lifecycle on; `config` is the text of prometheus.yml."""
    binary = find_binary("prometheus", "prometheus")
    folder, listen = _folder(tmp_path, "prometheus"), port or free_port()
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
    folder, listen = _folder(tmp_path, "alertmanager"), port or free_port()
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
    folder, listen = _folder(tmp_path, "node_exporter"), free_port()
    command = [binary, f"--web.listen-address={LOOPBACK}:{listen}", *flags]
    with running(
        "node_exporter", command, directory=folder, port=listen, ready=lambda d: http_ok(f"{d.url}/")
    ) as daemon:
        yield daemon


@contextlib.contextmanager
def victoria_metrics(tmp_path: Path, *flags: str) -> Iterator[Daemon]:
    """VictoriaMetrics single node; fresh samples are visible at once (latency offset 1 s in place of 30 s)."""
    binary = find_binary("victoria-metrics", "victoria-metrics")
    folder, listen = _folder(tmp_path, "victoria_metrics"), free_port()
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
    folder, listen = _folder(tmp_path, "snmp_exporter"), free_port()
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
    folder, listen = _folder(tmp_path, "snmpd"), free_port(socket.SOCK_DGRAM)
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
    folder, listen = _folder(tmp_path, "sshd"), free_port()
    host_key, client_key = folder / "host_ed25519", folder / "client_ed25519"
    for key in (host_key, client_key):
        subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True, timeout=30)
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
    folder, listen = _folder(tmp_path, "postgres"), free_port()
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
