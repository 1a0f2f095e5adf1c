"""An SSH server that plays a Linux host: it knows what the shipped commands print, and runs nothing.

It writes down everything that was asked of it, so that a test can say what may leave our box.
"""

import asyncio
from collections.abc import Callable, Iterable

import asyncssh
from msgspec import Struct

from exporters.ssh.script import commands_of


class Behaviour(Struct, frozen=True, kw_only=True):
    """How to answer one script: properly by default."""

    delay_s: float = 0.0
    raw: bytes | None = None
    hang_up: bool = False


PROPER = Behaviour()


class KeyPair(Struct, frozen=True):
    """A private key in OpenSSH's format, and its public line."""

    private: str
    public: str


def new_key() -> KeyPair:
    """Make an Ed25519 key pair."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    return KeyPair(key.export_private_key().decode(), key.export_public_key().decode().strip())


class SshSimulator:
    """Accepts one user with known keys or a password, and answers scripts by their commands."""

    def __init__(
        self,
        output: Callable[[str, str], str | None],
        *,
        user: str,
        authorized: Iterable[str] = (),
        password: str | None = None,
        behave: Callable[[str], Behaviour] = lambda _script: PROPER,
    ) -> None:
        self.scripts: list[str] = []
        self.other_requests: list[str] = []
        self.logins_refused = 0
        self.connections = 0
        self.connections_made = 0
        self.port = 0
        self._output = output
        self._user = user
        self._authorized = [asyncssh.import_public_key(line) for line in authorized]
        self._password = password
        self._behave = behave
        self._acceptor: asyncssh.SSHAcceptor | None = None
        self._open: set[asyncssh.SSHServerConnection] = set()

    async def start(self, host: str, port: int, host_key: str) -> None:
        """Listen with a private host key; port 0 takes a free one, found in ``port`` afterwards.

        Raises asyncssh.KeyImportError (a ValueError) for a bad key, OSError for a bad address.
        """
        self._acceptor = await asyncssh.create_server(
            lambda: _Login(self),
            host,
            port,
            server_host_keys=[asyncssh.import_private_key(host_key)],
            process_factory=self._answer,
            encoding=None,
            gss_host=None,
            agent_forwarding=False,
        )
        self.port = self._acceptor.get_port()

    async def stop(self) -> None:
        """Stop listening and cut every connection."""
        if self._acceptor is None:
            return
        self._acceptor.close()
        for connection in list(self._open):
            connection.abort()
            await connection.wait_closed()
        await self._acceptor.wait_closed()

    def accepts_key(self, user: str, key: asyncssh.SSHKey) -> bool:
        """Whether this user may log in with this key."""
        return user == self._user and key in self._authorized

    def accepts_password(self, user: str, password: str) -> bool:
        """Whether this user may log in with this password."""
        return self._password is not None and (user, password) == (self._user, self._password)

    @property
    def has_password(self) -> bool:
        """Whether a password is asked for at all."""
        return self._password is not None

    def came(self, connection: asyncssh.SSHServerConnection) -> None:
        """Count a connection."""
        self._open.add(connection)
        self.connections += 1
        self.connections_made += 1

    def went(self, connection: asyncssh.SSHServerConnection) -> None:
        """Count a connection off."""
        self._open.discard(connection)
        self.connections -= 1

    async def _answer(self, process: "asyncssh.SSHServerProcess[bytes]") -> None:
        script = process.command
        if script is None:
            self.other_requests.append(f"subsystem {process.subsystem}" if process.subsystem else "shell")
            process.exit(1)
            return
        self.scripts.append(script)
        how = self._behave(script)
        await asyncio.sleep(how.delay_s)
        if how.hang_up:
            process.channel.get_connection().abort()
            return
        process.stdout.write(how.raw if how.raw is not None else self._printed(script).encode())
        process.exit(0)

    def _printed(self, script: str) -> str:
        text = ""
        for mark, name, command in commands_of(script):
            output = self._output(name, command)
            status = 127 if output is None else 0
            text += f"\n{mark} begin {name}\n{output or ''}\n{mark} end {status}\n"
        return text


class _Login(asyncssh.SSHServer):
    """Who may come in; everything that is not a session is refused by the library's own defaults."""

    def __init__(self, simulator: SshSimulator) -> None:
        self._simulator = simulator
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._simulator.came(conn)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  the library's own signature
        if self._connection is not None:
            self._simulator.went(self._connection)

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        accepted = self._simulator.accepts_key(username, key)
        self._simulator.logins_refused += not accepted
        return accepted

    def password_auth_supported(self) -> bool:
        return self._simulator.has_password

    def validate_password(self, username: str, password: str) -> bool:
        accepted = self._simulator.accepts_password(username, password)
        self._simulator.logins_refused += not accepted
        return accepted
