"""`heronwatch exporter serve` as a real process, and a client that opens a connection for each request."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import aiohttp

from tests.fakes.daemons import free_port

READY_S = 45.0
STOP_S = 20.0


class ExporterProcess:
    """A running server."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, log: Path, http: aiohttp.ClientSession) -> None:
        self.process = process
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._log = log
        self._http = http

    async def get(self, path: str, *, headers: dict[str, str] | None = None) -> tuple[int, str]:
        async with self._http.get(self.url + path, headers=headers) as answer:
            return answer.status, await answer.text()

    async def post(self, path: str) -> tuple[int, str]:
        async with self._http.post(self.url + path) as answer:
            return answer.status, await answer.text()

    async def metrics(self) -> dict[str, float]:
        """Every sample of /metrics by its series."""
        _, body = await self.get("/metrics")
        lines = [line.rpartition(" ") for line in body.splitlines() if line and not line.startswith("#")]
        return {series: float(value) for series, _, value in lines}

    def log(self) -> str:
        return self._log.read_text()

    def workers(self) -> list[int]:
        """The pids of the worker processes."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]


async def until(condition: Callable[[], object], what: str, *, timeout_s: float = 40.0) -> None:
    """Poll until a condition, which may be a coroutine function, is true."""
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                found = condition()
                if asyncio.iscoroutine(found):
                    found = await found
                if found:
                    return
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"waited {timeout_s:g} s for {what}") from None


@contextlib.asynccontextmanager
async def exporter(tmp_path: Path, *arguments: str, port: int | None = None) -> AsyncIterator[ExporterProcess]:
    """Start the server on a free loopback port, wait until it is ready, stop it by its own pid."""
    port = port or free_port()
    log = tmp_path / "exporter.log"
    command = [sys.executable, "-m", "exporters", "serve", f"--web.listen-address=127.0.0.1:{port}", *arguments]
    with log.open("wb") as stream:
        process = await asyncio.create_subprocess_exec(*command, stdout=stream, stderr=stream)
    connector = aiohttp.TCPConnector(force_close=True)  # so that the kernel chooses a worker each time
    async with aiohttp.ClientSession(connector=connector) as http:
        server = ExporterProcess(process, port, log, http)
        try:
            await _ready(server)
            yield server
        finally:
            await _stopped(process)


async def _ready(server: ExporterProcess) -> None:
    async def ready() -> bool:
        if server.process.returncode is not None:
            raise AssertionError(f"the server ended: {server.log()}")
        with contextlib.suppress(aiohttp.ClientError):
            return (await server.get("/-/ready"))[0] == 200
        return False

    await until(ready, f"the server to be ready: {server.log()}", timeout_s=READY_S)


async def _stopped(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise AssertionError(f"the server did not stop within {STOP_S:g} s") from None


async def run(*arguments: str, env: dict[str, str] | None = None, cwd: Path | None = None) -> tuple[int, str, str]:
    """Run `heronwatch exporter …` to its end: exit status, stdout, stderr."""
    process = await asyncio.create_subprocess_exec(
        *command_line(arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **(env or {})},
        cwd=cwd,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def command_line(arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "exporters", *arguments]
