"""Calls between workers: many at once on one connection, and what happens when one side goes away."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.errors import WorkerGoneError
from exporters.probing import relay
from exporters.probing.relay import Frame, RelayClient, RelayServer, read_frame


async def echo(kind: str, data: bytes) -> bytes:
    if kind == "fail":
        raise RuntimeError("oops")
    if kind == "wait":
        await asyncio.sleep(3600)
    if kind == "slow":
        await asyncio.sleep(0.05)
    return kind.encode() + b":" + data


@pytest.fixture
async def socket(tmp_path: Path) -> AsyncIterator[Path]:
    path = tmp_path / "w.sock"
    async with RelayServer(path, echo):
        yield path


@pytest.fixture
async def client(socket: Path) -> AsyncIterator[RelayClient]:
    async with asyncio.TaskGroup() as group:
        made = RelayClient(socket, "worker 1", group=group)
        yield made
        made.close()


async def test_call_is_answered(client: RelayClient) -> None:
    assert await client.call("scrape", b"x", timeout_s=30) == b"scrape:x"


async def test_calls_do_not_wait_for_one_another(client: RelayClient) -> None:
    answered: list[str] = []

    async def call(kind: str) -> None:
        assert await client.call(kind, b"1", timeout_s=30) == kind.encode() + b":1"
        answered.append(kind)

    async with asyncio.TaskGroup() as group:
        group.create_task(call("slow"))
        await asyncio.sleep(0)
        group.create_task(call("quick"))
    assert answered == ["quick", "slow"]


async def test_large_answers_come_whole(client: RelayClient) -> None:
    data = bytes(5_000_000)
    assert await client.call("x", data, timeout_s=30) == b"x:" + data


async def test_failure_of_a_call_is_told_and_the_next_one_works(client: RelayClient) -> None:
    with pytest.raises(WorkerGoneError, match="worker 1 failed: RuntimeError"):
        await client.call("fail", b"", timeout_s=30)
    assert await client.call("x", b"", timeout_s=30) == b"x:"


async def test_answer_that_does_not_come_is_given_up(monkeypatch: pytest.MonkeyPatch, client: RelayClient) -> None:
    monkeypatch.setattr(relay, "DRAIN_S", 0.05)  # of the server, which ends before this does
    with pytest.raises(WorkerGoneError, match="did not answer in time"):
        await client.call("wait", b"", timeout_s=0.05)


async def test_worker_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    async with asyncio.TaskGroup() as group:
        client = RelayClient(tmp_path / "nobody.sock", "worker 1", group=group)
        with pytest.raises(WorkerGoneError, match="worker 1 is being restarted"):
            await client.call("x", b"", timeout_s=60)


async def test_worker_that_goes_away_is_told_at_once_and_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "DRAIN_S", 0.05)
    path = tmp_path / "w.sock"
    async with asyncio.TaskGroup() as group:
        client = RelayClient(path, "worker 1", group=group)
        async with RelayServer(path, echo):
            waiting = group.create_task(_outcome(client.call("wait", b"", timeout_s=60)))
            await client.call("x", b"", timeout_s=30)
        assert isinstance(await waiting, WorkerGoneError)
        async with RelayServer(path, echo):
            assert await client.call("x", b"", timeout_s=30) == b"x:"
            client.close()


async def _outcome(call: "asyncio.Future[bytes] | object") -> object:
    try:
        return await call  # type: ignore[misc]
    except WorkerGoneError as error:
        return error


async def test_worker_that_stops_answers_what_it_was_asked(tmp_path: Path) -> None:
    async with asyncio.TaskGroup() as group:
        client = RelayClient(tmp_path / "w.sock", "worker 1", group=group)
        async with RelayServer(tmp_path / "w.sock", echo):
            await client.call("x", b"", timeout_s=30)
            waiting = group.create_task(client.call("slow", b"1", timeout_s=30))
            await asyncio.sleep(0.01)
        assert await waiting == b"slow:1"
        client.close()


async def test_socket_is_for_this_user_only(socket: Path) -> None:
    assert socket.stat().st_mode & 0o777 == 0o600  # noqa: ASYNC240  # a test waits for nothing else


async def test_nonsense_ends_its_own_connection_only(socket: Path, client: RelayClient) -> None:
    reader, writer = await asyncio.open_unix_connection(socket)
    writer.write(b"\xff\xff\xff\xffnonsense")
    assert await reader.read() == b""
    writer.close()
    assert await client.call("x", b"", timeout_s=30) == b"x:"


@given(st.binary(max_size=200))
def test_any_bytes_are_a_frame_or_a_known_error(data: bytes) -> None:
    async def read() -> Frame:
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        reader.feed_eof()
        return await read_frame(reader)

    with contextlib.suppress(EOFError, ValueError, msgspec.MsgspecError):
        assert isinstance(asyncio.run(read()), Frame)
