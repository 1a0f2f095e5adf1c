"""net-snmp's agent with one user for each pair of protocols that it speaks, on UDP, UDP6 and TCP; restartable."""

import contextlib
import itertools
import os
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.fakes.daemons import _snmp_answers
from tests.fakes.processes import LOOPBACK, Daemon, find_binary, fresh_folder, running

AUTHS = {"MD5": "MD5", "SHA": "SHA", "SHA224": "SHA-224", "SHA256": "SHA-256", "SHA384": "SHA-384", "SHA512": "SHA-512"}
"""Our names of authentication protocols → those of createUser."""

PRIVS = {
    "DES": "DES",
    "AES": "AES",
    "AES192": "AES-192",
    "AES192C": "AES-192-C",
    "AES256": "AES-256",
    "AES256C": "AES-256-C",
}
"""Our names of privacy protocols → those of createUser; Debian's build has no 3DES."""

PAIRS = list(itertools.product(AUTHS, PRIVS))
AUTH_PASSWORD = "maplesyrup-of-auth"
PRIV_PASSWORD = "another-syrup-of-priv"
READER, PLAIN, NAME = "plain-reader", "SHA256-only", "snmpd3.test"
CONTEXT = "blue"
CONTEXT_ROOT = "1.3.6.1.4.1.8072.9999"
"""Exists in the context alone: the system group (1.3.6.1.2.1.1) under another name."""

CONFIG = """\
agentAddress udp:{host}:{port},tcp:{host}:{port}{six}
rocommunity public {host}
sysName {name}
sysLocation a rack in the test
createUser {reader}
rouser {reader} noauth
createUser {plain} SHA-256 {auth_password}
rouser {plain} auth
view all included .1
proxy -Cn {context} -v 2c -c public {host}:{port} .{root} .1.3.6.1.2.1.1
"""


def user_of(auth: str, priv: str) -> str:
    """The name of the user with this pair of protocols."""
    return f"{auth}-{priv}"


def config(port: int, pairs: Sequence[tuple[str, str]]) -> str:
    """The text of snmpd.conf."""
    six = f",udp6:[::1]:{port}" if has_ipv6() else ""
    words = {"host": LOOPBACK, "port": port, "six": six, "name": NAME, "context": CONTEXT, "root": CONTEXT_ROOT}
    lines = [CONFIG.format(reader=READER, plain=PLAIN, auth_password=AUTH_PASSWORD, **words)]
    for auth, priv in pairs:
        name = user_of(auth, priv)
        lines.append(f"createUser {name} {AUTHS[auth]} {AUTH_PASSWORD} {PRIVS[priv]} {PRIV_PASSWORD}\n")
        lines.append(f"rouser {name} priv -V all *\n")
    return "".join(lines)


@contextlib.contextmanager
def snmpd3(folder: Path, *, port: int | None = None, pairs: Sequence[tuple[str, str]] = PAIRS) -> Iterator[Daemon]:
    """Start it in a folder that is its memory: the same one again makes the same engine, booted once more."""
    binary = find_binary("snmpd", "snmpd")
    folder.mkdir(parents=True, exist_ok=True)
    listen = port or _free_port()
    (folder / "snmpd.conf").write_text(config(listen, pairs))
    command = [binary, "-f", "-Lo", "-p", str(folder / "pid")]  # no -C, which would leave the memory out, too
    env = {
        "SNMPCONFPATH": f"{folder}{os.pathsep}{folder / 'persistent'}",
        "SNMP_PERSISTENT_DIR": str(folder / "persistent"),
        "MIBS": "",
    }
    with running("snmpd", command, directory=folder, port=listen, ready=_answers, env=env) as daemon:
        yield daemon


def fresh(tmp_path: Path) -> Path:
    """A folder for one more engine."""
    return fresh_folder(tmp_path, "snmpd3")


def _free_port() -> int:
    """A port that is free for UDP and TCP."""
    for _ in range(100):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind((LOOPBACK, 0))
            port = int(tcp.getsockname()[1])
            with contextlib.suppress(OSError):
                udp.bind((LOOPBACK, port))
                return port
    raise OSError("no port is free for UDP and TCP")


def has_ipv6() -> bool:
    """Whether the loopback interface has an IPv6 address."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        probe.bind(("::1", 0))
        return True
    return False


def _answers(daemon: Daemon) -> bool:
    return _snmp_answers(daemon, "public")
