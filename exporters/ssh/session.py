"""The only file that talks to SSH servers: one kept connection for each host and login, one command at a time.

asyncssh carries the bytes. Nothing of the operator's own set-up is used: no configuration file, no agent, no
key or known_hosts file from a home directory. A connection is dropped when a command was not answered in time,
when the server refused a session on it, and after a while without use.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import asyncssh
from msgspec import Struct

from exporters.ssh import keys
from exporters.ssh.credential import SshCredential
from exporters.ssh.errors import (
    ChannelRefusedError,
    HostKeyError,
    LoginRefusedError,
    NoAnswerError,
    TooMuchOutputError,
    UnreachableError,
)

# Elliptic curves first. asyncssh's own order puts group exchange before the fixed groups, which costs a third
# of a second of our CPU for each connection to a device that has no curves.
KEX_ALGORITHMS = (
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group14-sha256",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group18-sha512",
    "diffie-hellman-group-exchange-sha256",
)
CONNECT_TIMEOUT_S = 10.0  # TCP, key exchange and login together
KEEPALIVE_INTERVAL_S = 15
KEEPALIVE_MISSES = 3
CHUNK = 65_536


class Endpoint(Struct, frozen=True):
    """Where to connect: the address that the guard accepted, and the name by which known_hosts may know it."""

    address: str
    port: int
    name: str


class Output(Struct, frozen=True):
    """What a command printed on its standard output, and its exit status, None where there was none."""

    data: bytes
    status: int | None


class HostSession:
    """One host by one login: connects when needed, runs one command at a time, closes itself when idle."""

    def __init__(
        self,
        endpoint: Endpoint,
        credential: SshCredential,
        *,
        idle_close_s: float,
        opened: Callable[[int], None] = lambda _change: None,
    ) -> None:
        self.commands_sent = 0
        self._endpoint = endpoint
        self._credential = credential
        self._idle_close_s = idle_close_s
        self._opened = opened
        self._turn = asyncio.Lock()
        self._connection: asyncssh.SSHClientConnection | None = None
        self._idle: asyncio.TimerHandle | None = None

    @property
    def at_rest(self) -> bool:
        """Whether nothing is open and nobody waits."""
        return self._connection is None and not self._turn.locked()

    async def run(self, command: str, *, timeout_s: float, deadline: float, max_output: int) -> Output:
        """Run a command; its output is read up to ``max_output`` bytes. Raises an SshError.

        ``deadline`` is a time of the running loop; ``timeout_s`` is for the command alone, once connected.
        """
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(deadline):
                await self._turn.acquire()
        except TimeoutError:
            raise NoAnswerError("still waiting for another command on this host at the deadline") from None
        self._cancel_idle_close()
        finished = False
        try:
            connection = await self._connected(deadline)
            started = loop.time()
            async with asyncio.timeout_at(min(deadline, started + timeout_s)):
                output = await self._run_on(connection, command, max_output)
            finished = True
        except TimeoutError:
            raise NoAnswerError(f"the commands did not end within {loop.time() - started:.1f} s") from None
        else:
            return output
        finally:
            if not finished:
                self._drop()
            self._close_when_idle()
            self._turn.release()

    def close(self) -> None:
        """Drop the connection; a later command opens a new one."""
        self._cancel_idle_close()
        self._drop()

    async def _connected(self, deadline: float) -> asyncssh.SSHClientConnection:
        if self._connection is not None and not self._connection.is_closed():
            return self._connection
        self._drop()
        now = asyncio.get_running_loop().time()
        until = min(deadline, now + CONNECT_TIMEOUT_S)
        try:
            async with asyncio.timeout_at(until):
                connection = await _connect(self._endpoint, self._credential)
        except TimeoutError:
            raise NoAnswerError(f"no login within {until - now:.1f} s") from None
        self._connection = connection
        self._opened(1)
        return connection

    async def _run_on(self, connection: asyncssh.SSHClientConnection, command: str, max_output: int) -> Output:
        self.commands_sent += 1
        try:
            process = await connection.create_process(
                command, encoding=None, stdin=asyncssh.DEVNULL, stderr=asyncssh.DEVNULL, request_pty=False
            )
            data = await _bounded(process.stdout, max_output)
            await process.wait_closed()
        except asyncssh.ChannelOpenError as error:
            raise ChannelRefusedError(f"the host opened no session: {error.reason}") from error
        except (asyncssh.Error, OSError) as error:
            raise UnreachableError(f"the connection broke: {error}") from error
        if process.exit_status is None and connection.is_closed():
            raise UnreachableError("the connection broke while the commands ran")
        return Output(data, process.exit_status)

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.abort()
            self._connection = None
            self._opened(-1)

    def _cancel_idle_close(self) -> None:
        if self._idle:
            self._idle.cancel()
            self._idle = None

    def _close_when_idle(self) -> None:
        self._cancel_idle_close()
        if self._connection is not None:
            self._idle = asyncio.get_running_loop().call_later(self._idle_close_s, self.close)


async def _connect(endpoint: Endpoint, credential: SshCredential) -> asyncssh.SSHClientConnection:
    """Log in; library errors become ours here, and only here."""
    try:
        return await asyncssh.connect(endpoint.address, endpoint.port, **_options(endpoint, credential))
    except asyncssh.PermissionDenied as error:
        raise LoginRefusedError(f"the host did not accept the user {credential.username!r}") from error
    except asyncssh.HostKeyNotVerifiable as error:
        where = f"{credential.known_hosts} does not hold it" if credential.known_hosts else "it differs from host_key"
        raise HostKeyError(f"the host key is not the expected one: {where} ({error.reason})") from error
    except (asyncssh.ConnectionLost, ConnectionResetError) as error:
        raise UnreachableError("the host closed the connection before the login") from error
    except asyncssh.Error as error:
        raise ChannelRefusedError(f"no agreement with the host: {error.reason}") from error
    except OSError as error:
        raise UnreachableError(f"no connection: {error.strerror or error}") from error


def _options(endpoint: Endpoint, credential: SshCredential) -> dict[str, Any]:
    key = keys.private_key(credential.private_key, credential.passphrase)
    return {
        "config": None,
        "agent_path": None,
        "agent_forwarding": False,
        "gss_host": None,
        "x509_trusted_certs": None,
        "client_keys": [key] if key else None,
        "username": credential.username,
        "password": credential.password.reveal() if credential.password else None,
        "known_hosts": (
            None if credential.insecure_host_key else keys.trusted(credential.known_hosts, credential.host_key)
        ),
        "host_key_alias": endpoint.name or None,
        "kex_algs": KEX_ALGORITHMS,
        "keepalive_interval": KEEPALIVE_INTERVAL_S,
        "keepalive_count_max": KEEPALIVE_MISSES,
        "login_timeout": 0,
    }


async def _bounded(stream: asyncssh.SSHReader[bytes], limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while chunk := await stream.read(CHUNK):
        size += len(chunk)
        if size > limit:
            raise TooMuchOutputError(f"the commands printed more than {limit} bytes")
        chunks.append(chunk)
    return b"".join(chunks)
