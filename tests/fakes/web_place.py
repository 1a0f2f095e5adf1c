"""A folder with a web config, certificates and a clock, for tests of who gets in."""

import ssl
from pathlib import Path

import bcrypt

from heronwatch.webconfig import CHECK_EVERY_S, WebConfigFile
from tests.fakes.certificates import Authority
from tests.fakes.clock import FakeClock
from tests.fakes.web import Site

TLS = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"
MUTUAL = TLS + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: clients.pem\n"
OPTIONAL = MUTUAL.replace("RequireAndVerifyClientCert", "VerifyClientCertIfGiven")


def users(rounds: int = 4, **passwords: str) -> str:
    lines = [f'  {n}: "{bcrypt.hashpw(p.encode(), bcrypt.gensalt(rounds)).decode()}"' for n, p in passwords.items()]
    return "\n".join(["basic_auth_users:", *lines, ""])


class Place:
    """A folder with a web config, a server certificate and an authority for clients."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.servers = Authority(folder, "servers")
        self.clients = Authority(folder, "clients")
        self.servers.issue("server")
        self.clock = FakeClock()
        self.site = Site()

    def write(self, text: str) -> None:
        fresh = self.folder / "fresh.yml"
        fresh.write_text(text)
        fresh.replace(self.folder / "web.yml")  # as tools do it: another inode

    def web(self, text: str) -> WebConfigFile:
        self.write(text)
        return WebConfigFile(
            self.folder / "web.yml", telemetry=self.site.telemetry, now=self.clock.now, monotonic=self.clock.monotonic
        )

    def client(self, name: str = "", *names: str) -> ssl.SSLContext:
        """A context that trusts our server, with a certificate of the clients' authority if named."""
        return self.servers.client(self.clients.issue(name, *(names or (name,))) if name else None)

    def follow(self) -> None:
        self.clock.advance(CHECK_EVERY_S)
