"""The kept connection against a server that misbehaves on demand, and against OpenSSH."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncssh
import pytest

from exporters.ssh.credential import SshCredential
from exporters.ssh.errors import (
    ChannelRefusedError,
    HostKeyError,
    LoginRefusedError,
    NoAnswerError,
    SshError,
    TooMuchOutputError,
    UnreachableError,
)
from exporters.ssh.session import KEX_ALGORITHMS, Endpoint, HostSession, Output
from exporters.ssh.simulator import PROPER, Behaviour, SshSimulator, new_key
from heronwatch.secrets import Secret
from tests.fakes.daemons import Daemon, free_port, sshd

CLIENT, HOST, OTHER = new_key(), new_key(), new_key()
SCRIPT = "printf '\\n%s begin %s\\n' @@1 load\n{\ncat /proc/loadavg\n} </dev/null\nprintf '\\n%s end %s\\n' @@1 $?\n"
ANSWER = b"\n@@1 begin load\n0.1 0.2 0.3 1/2 3\n\n@@1 end 0\n"


def login(**changes: object) -> SshCredential:
    keys: dict[str, object] = {"username": "monitor", "private_key": Secret(CLIENT.private), "host_key": HOST.public}
    return SshCredential(**(keys | changes))  # type: ignore[arg-type]


@asynccontextmanager
async def host(
    behave: Callable[[str], Behaviour] = lambda _: PROPER, *, password: str | None = None
) -> AsyncIterator[SshSimulator]:
    server = SshSimulator(
        lambda _name, _command: "0.1 0.2 0.3 1/2 3\n", user="monitor", authorized=[CLIENT.public], password=password,
        behave=behave,
    )  # fmt: skip
    await server.start("127.0.0.1", 0, HOST.private)
    try:
        yield server
    finally:
        await server.stop()


@asynccontextmanager
async def session(
    port: int, credential: SshCredential | None = None, *, name: str = "", idle_close_s: float = 60.0
) -> AsyncIterator[HostSession]:
    kept = HostSession(Endpoint("127.0.0.1", port, name), credential or login(), idle_close_s=idle_close_s)
    try:
        yield kept
    finally:
        kept.close()
        await asyncio.sleep(0)


async def run(
    kept: HostSession, *, timeout_s: float = 30.0, within_s: float = 40.0, max_output: int = 1 << 20
) -> Output:
    deadline = asyncio.get_running_loop().time() + within_s
    return await kept.run(SCRIPT, timeout_s=timeout_s, deadline=deadline, max_output=max_output)


async def settle(predicate: Callable[[], bool]) -> None:
    async with asyncio.timeout(40):
        while not predicate():  # noqa: ASYNC110  what is watched sets no event
            await asyncio.sleep(0.002)


async def test_one_connection_serves_all_commands_one_at_a_time() -> None:
    async with host(lambda _: Behaviour(delay_s=0.01)) as server, session(server.port) as kept:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(run(kept)) for _ in range(5)]
        assert {task.result() for task in tasks} == {Output(ANSWER, 0)}
        assert server.connections_made == 1
        assert server.scripts == [SCRIPT] * 5
        assert server.other_requests == []


async def test_wrong_host_key_stops_before_anything_is_sent() -> None:
    async with host() as server, session(server.port, login(host_key=OTHER.public)) as kept:
        with pytest.raises(HostKeyError, match="the host key is not the expected one"):
            await run(kept)
        assert server.logins_refused == 0
        assert server.scripts == []


async def test_known_hosts_are_matched_by_name_and_port(tmp_path: Path) -> None:
    async with host() as server:
        file = tmp_path / "known_hosts"
        file.write_text(f"[web1.example]:{server.port} {HOST.public}\n")
        known = login(host_key=None, known_hosts=file)
        async with session(server.port, known, name="web1.example") as kept:
            assert (await run(kept)).data == ANSWER
        async with session(server.port, known, name="web2.example") as kept:
            with pytest.raises(HostKeyError):
                await run(kept)


async def test_known_hosts_file_that_vanished_is_a_host_key_error(tmp_path: Path) -> None:
    gone = login(host_key=None, known_hosts=tmp_path / "nosuch")
    async with host() as server, session(server.port, gone) as kept:
        with pytest.raises(HostKeyError, match="cannot be read"):
            await run(kept)
        assert server.connections_made == 0


async def test_unknown_host_is_accepted_only_when_told_so() -> None:
    async with host() as server, session(server.port, login(host_key=None, insecure_host_key=True)) as kept:
        assert (await run(kept)).data == ANSWER


async def test_password_login() -> None:
    by_password = login(private_key=None, password=Secret("hunter2"))
    async with host(password="hunter2") as server, session(server.port, by_password) as kept:
        assert (await run(kept)).data == ANSWER


@pytest.mark.parametrize(
    "changes",
    [
        {"private_key": Secret(OTHER.private)},
        {"username": "root"},
        {"private_key": None, "password": Secret("wrong")},
    ],
)
async def test_refused_login_is_told_apart_and_holds_no_secret(changes: dict[str, object]) -> None:
    async with host(password="hunter2") as server, session(server.port, login(**changes)) as kept:
        with pytest.raises(LoginRefusedError, match="the host did not accept the user") as caught:
            await run(kept)
        assert "wrong" not in str(caught.value)
        assert server.scripts == []


async def test_nothing_of_the_operator_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A good key in ~/.ssh, and a config that would send us elsewhere: neither may matter."""
    ssh = tmp_path / ".ssh"
    ssh.mkdir()
    (ssh / "id_ed25519").write_text(CLIENT.private)
    (ssh / "id_ed25519").chmod(0o600)
    (ssh / "known_hosts").write_text(f"* {HOST.public}\n")
    (ssh / "config").write_text("Host *\n  Port 1\n  User root\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    empty = tmp_path / "empty"
    empty.write_text("")
    async with host(password="hunter2") as server:
        without_key = login(private_key=None, password=Secret("wrong"))
        async with session(server.port, without_key) as kept:
            with pytest.raises(LoginRefusedError):
                await run(kept)
        async with session(server.port, login(host_key=None, known_hosts=empty)) as kept:
            with pytest.raises(HostKeyError):
                await run(kept)
        assert server.scripts == []


async def test_refused_connection_says_so() -> None:
    async with session(free_port()) as kept:
        with pytest.raises(UnreachableError, match=r"^no connection: "):
            await run(kept)


@pytest.mark.parametrize("greeting", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00" * 64, b""])
async def test_who_speaks_no_ssh_is_an_error_of_ours(greeting: bytes) -> None:
    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server, session(server.sockets[0].getsockname()[1]) as kept:
        with pytest.raises(SshError):
            await run(kept)


async def test_silent_server_costs_no_more_than_the_deadline() -> None:
    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    async with server, session(server.sockets[0].getsockname()[1]) as kept:
        async with asyncio.timeout(20):
            with pytest.raises(NoAnswerError, match=r"no login within 0\.2 s"):
                await run(kept, within_s=0.2)


async def test_slow_command_is_cut_off_and_the_connection_made_anew() -> None:
    slow_first = iter([Behaviour(delay_s=5)])
    async with host(lambda _: next(slow_first, PROPER)) as server, session(server.port) as kept:
        with pytest.raises(NoAnswerError, match=r"did not end within 0\.2 s"):
            await run(kept, timeout_s=0.2)
        assert (await run(kept)).data == ANSWER
        assert server.connections_made == 2


async def test_too_much_output_is_not_read() -> None:
    async with host(lambda _: Behaviour(raw=b"x" * 500_000)) as server, session(server.port) as kept:
        with pytest.raises(TooMuchOutputError, match="more than 100000 bytes"):
            await run(kept, max_output=100_000)


async def test_broken_connection_is_made_anew_by_the_next_scrape() -> None:
    once = iter([Behaviour(hang_up=True)])
    async with host(lambda _: next(once, PROPER)) as server, session(server.port) as kept:
        with pytest.raises(UnreachableError, match="the connection broke"):
            await run(kept)
        assert (await run(kept)).data == ANSWER


async def test_idle_connection_is_closed() -> None:
    async with host() as server, session(server.port, idle_close_s=0.02) as kept:
        await run(kept)
        await settle(lambda: server.connections == 0)
        assert kept.at_rest
        assert (await run(kept)).data == ANSWER
        assert server.connections_made == 2


async def test_cancelled_scrape_leaves_no_connection() -> None:
    async with host(lambda _: Behaviour(delay_s=30)) as server, session(server.port) as kept:
        task = asyncio.create_task(run(kept, timeout_s=30, within_s=30))
        await settle(lambda: len(server.scripts) == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await settle(lambda: server.connections == 0)


def test_group_exchange_comes_last() -> None:
    assert KEX_ALGORITHMS[0] == "curve25519-sha256"
    assert KEX_ALGORITHMS[-1] == "diffie-hellman-group-exchange-sha256"
    assert not [name for name in KEX_ALGORITHMS if "sha1" in name]


def openssh_login(daemon: Daemon) -> SshCredential:
    return SshCredential(
        username=daemon.details["user"],
        private_key=Secret(Path(daemon.details["key"]).read_text()),
        known_hosts=Path(daemon.details["known_hosts"]),
    )


async def outputs_of(daemon: Daemon, count: int) -> list[Output]:
    async with session(daemon.port, openssh_login(daemon), name=daemon.host) as kept:
        return [await run(kept) for _ in range(count)]


def test_openssh_runs_our_script_over_one_connection(tmp_path: Path) -> None:
    with sshd(tmp_path) as daemon:
        outputs = asyncio.run(outputs_of(daemon, 3))
        assert [output.status for output in outputs] == [0, 0, 0]
        assert all(output.data.startswith(b"\n@@1 begin load\n") for output in outputs)
        assert daemon.log().count("Accepted publickey") == 1


def test_openssh_that_opens_no_session_is_told_apart(tmp_path: Path) -> None:
    with (
        sshd(tmp_path, extra="MaxSessions 0\n") as daemon,
        pytest.raises(ChannelRefusedError, match="the host opened no session"),
    ):
        asyncio.run(outputs_of(daemon, 1))


# the library under asyncssh warns of every fixed group; devices that have nothing better must stay readable
@pytest.mark.filterwarnings("ignore:Diffie-Hellman over finite fields")
def test_openssh_without_curves_agrees_on_a_fixed_group(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Group exchange would cost a third of a second of our CPU; it is offered, and not taken."""
    groups = "KexAlgorithms diffie-hellman-group-exchange-sha256,diffie-hellman-group14-sha256\n"
    with sshd(tmp_path, extra=groups) as daemon, caplog.at_level(logging.DEBUG, logger="asyncssh"):
        asyncssh.set_debug_level(2)
        try:
            asyncio.run(outputs_of(daemon, 1))
        finally:
            asyncssh.set_debug_level(1)
    agreed = [record.getMessage() for record in caplog.records if "Key exchange alg: " in record.getMessage()]
    assert len(agreed) == 1
    assert agreed[0].endswith("Key exchange alg: diffie-hellman-group14-sha256")
