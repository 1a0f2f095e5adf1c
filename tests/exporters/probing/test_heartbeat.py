"""Whether a worker still answers."""

import asyncio
from pathlib import Path

import pytest

from exporters.probing import heartbeat
from exporters.probing.relay import RelayServer
from tests.fakes.tries import tried_async

TICK_S = 0.02


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "EVERY_S", TICK_S)
    monkeypatch.setattr(heartbeat, "PATIENCE_S", TICK_S)


async def test_a_worker_that_answers_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    async def answer(kind: str, _: bytes) -> bytes:
        calls.append(kind)
        return b""

    monkeypatch.setattr(heartbeat, "PATIENCE_S", 30.0)
    async with RelayServer(tmp_path / "worker.sock", answer):
        listening = asyncio.create_task(heartbeat.listen(tmp_path / "worker.sock", "worker 0", pytest.fail))
        async with asyncio.timeout(40):
            while len(calls) < 5:  # noqa: ASYNC110  # until it was asked so often
                await asyncio.sleep(TICK_S)
        listening.cancel()
    assert set(calls) == {heartbeat.ALIVE}


async def test_a_worker_that_hangs_is_told_once(tmp_path: Path) -> None:
    hung: list[bool] = []
    forever = asyncio.Event()

    async def never(_kind: str, _data: bytes) -> bytes:
        await forever.wait()
        return b""

    async with RelayServer(tmp_path / "worker.sock", never):
        async with asyncio.timeout(40):
            await heartbeat.listen(tmp_path / "worker.sock", "worker 0", lambda: hung.append(True))
        forever.set()
    assert hung == [True]


async def test_one_silence_alone_is_forgiven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "PATIENCE_S", 10 * TICK_S)

    async def heard() -> tuple[list[bool], int]:
        """Let a worker be silent now and then, then twice; return what was told, and how often it was asked."""
        hung: list[bool] = []
        turns = iter([False, True, False, True, False, False])
        asked = 0

        async def now_and_then(_kind: str, _data: bytes) -> bytes:
            nonlocal asked
            asked += 1
            if not next(turns, False):
                await asyncio.sleep(30 * TICK_S)
            return b""

        async with RelayServer(tmp_path / "worker.sock", now_and_then), asyncio.timeout(40):
            await heartbeat.listen(tmp_path / "worker.sock", "worker 0", lambda: hung.append(True))
        return hung, asked

    assert await tried_async(heard, lambda found: found == ([True], 6)) == ([True], 6)
