"""A worker's view of the team: who owns what, and how a pause or a reload reaches every process.

What all must agree on lies in the team's private folder: `paused.json`, and a lock held while one of them changes
something for all. A worker that starts reads what was decided while it was away.
"""

import asyncio
import fcntl
import shutil
from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import msgspec
from msgspec import Struct

from exporters.errors import WorkerGoneError
from exporters.probing.relay import RelayClient
from exporters.probing.team import Ask, Member
from exporters.snapshot import Snapshot
from heronwatch.errors import ConfigError
from heronwatch.faults import Fault
from heronwatch.http_message import Response
from heronwatch.packing import packed

CALL_TIMEOUT_S = 30.0
ANSWER_MARGIN_S = 0.5  # the owner gives up 0.4 s after the budget at the latest
SCRAPE, PAUSES, FORGET, PREPARE, COMMIT, RELOAD = "scrape", "pauses", "forget", "prepare", "commit", "reload"
_encode = msgspec.msgpack.Encoder().encode


class Folder:
    """The private folder of one run: sockets and what was decided for all."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def socket(self, index: int) -> Path:
        """Return the socket of a worker."""
        return self.path / f"worker-{index}.sock"

    @property
    def metrics(self) -> Path:
        """Where each process keeps its metrics."""
        return self.path / "metrics"

    def paused(self) -> list[str]:
        """Read what is paused."""
        try:
            return msgspec.json.decode((self.path / "paused.json").read_bytes(), type=list[str])
        except FileNotFoundError:
            return []

    def set_paused(self, targets: Iterable[str]) -> None:
        """Replace what is paused, in one step."""
        fresh = self.path / "paused.new"
        fresh.write_bytes(msgspec.json.encode(sorted(targets)))
        fresh.replace(self.path / "paused.json")

    def generation(self) -> int:
        """Return the number of the configuration in force, 0 for none yet."""
        try:
            return int((self.path / "generation").read_text())
        except FileNotFoundError:
            return 0

    def set_generation(self, number: int) -> None:
        """Set the number of the configuration in force, in one step."""
        fresh = self.path / "generation.new"
        fresh.write_text(str(number))
        fresh.replace(self.path / "generation")

    def snapshot(self, number: int) -> Snapshot:
        """Return the copies of a configuration's files."""
        return Snapshot(self.path / f"config-{number}")

    def discard(self, number: int) -> None:
        """Remove the copies of a configuration, if there are any."""
        shutil.rmtree(self.path / f"config-{number}", ignore_errors=True)

    @asynccontextmanager
    async def lock(self) -> AsyncIterator[None]:
        """Hold the lock under which things are decided for all."""
        with (self.path / "lock").open("ab") as handle:
            await asyncio.to_thread(fcntl.flock, handle, fcntl.LOCK_EX)
            yield


class Answer(Struct, frozen=True, array_like=True):
    """A response on its way between workers."""

    status: int
    body: bytes
    content_type: str
    headers: tuple[tuple[str, str], ...]
    compressible: bool


class Crew:
    """The team of `workers` processes as the worker `index` sees it."""

    def __init__(self, folder: Folder, member: Member, *, index: int, workers: int) -> None:
        self.index = index
        self.workers = workers
        self._folder = folder
        self._member = member
        self._group = asyncio.TaskGroup()
        self._others = {
            other: RelayClient(folder.socket(other), f"worker {other}", group=self._group)
            for other in range(workers)
            if other != index
        }

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(self, *reason: object) -> None:
        for client in self._others.values():
            client.close()
        await self._group.__aexit__(None, None, None)

    def missing(self) -> list[str]:
        """Say which workers are not there: each makes its socket when it serves, and the supervisor removes it."""
        return [f"worker {other} is being started" for other in self._others if not self._folder.socket(other).exists()]

    async def forward(self, owner: int, ask: Ask) -> Response:
        """Have the owner answer."""
        data = await self._others[owner].call(SCRAPE, _encode(ask), timeout_s=ask.budget_s + ANSWER_MARGIN_S)
        answer = msgspec.msgpack.decode(data, type=Answer)
        return Response(
            status=answer.status,
            body=answer.body,
            content_type=answer.content_type,
            headers=answer.headers,
            compressible=answer.compressible,
        )

    async def pause(self, target: str) -> Sequence[str]:
        """Pause a target everywhere; a worker that is away learns of it when it starts."""
        async with self._folder.lock():
            return await self._set({*self._folder.paused(), target})

    async def resume(self, target: str) -> Sequence[str]:
        """Resume a target everywhere."""
        async with self._folder.lock():
            self._member.forget(target)
            await self._tell(FORGET, target)
            return await self._set(set(self._folder.paused()) - {target})

    async def _set(self, targets: set[str]) -> Sequence[str]:
        self._folder.set_paused(targets)
        await self._member.set_pauses(sorted(targets))
        await self._tell(PAUSES, sorted(targets))
        return sorted(targets)

    async def catch_up(self, loaded: int) -> None:
        """Take over what was decided before this process listened; it has loaded the configuration `loaded`."""
        async with self._folder.lock():
            await self._member.set_pauses(self._folder.paused())
            number = self._folder.generation()
            if number != loaded:
                await self._member.prepare(self._folder.snapshot(number))
                await self._member.commit()

    async def reload(self) -> None:
        """Load everywhere, then use everywhere; a fault anywhere leaves the old configuration everywhere.

        All read the same copies, and so does a worker that starts later.
        """
        async with self._folder.lock():
            number = self._folder.generation() + 1
            await self._member.prepare()
            self._folder.discard(number)
            await self._member.copy_files(self._folder.snapshot(number))
            await self._member.prepare(self._folder.snapshot(number))
            faults = [fault for answer in await self._tell(PREPARE, number) for fault in _faults(answer)]
            if faults:
                raise ConfigError(faults)
            self._folder.set_generation(number)
            await self._member.commit()
            await self._tell(COMMIT, None)
            self._folder.discard(number - 1)

    async def _tell(self, kind: str, value: Any) -> list[bytes]:
        """Call every other worker at once; those that are away are left out."""
        data = _encode(value)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._told(client, kind, data)) for client in self._others.values()]
        return [answer for task in tasks if (answer := task.result()) is not None]

    async def _told(self, client: RelayClient, kind: str, data: bytes) -> bytes | None:
        try:
            return await client.call(kind, data, timeout_s=CALL_TIMEOUT_S)
        except WorkerGoneError:
            return None

    async def handle(self, kind: str, data: bytes) -> bytes:
        """Answer the call of another worker, or of the supervisor."""
        if kind == SCRAPE:
            return await self._answered(msgspec.msgpack.decode(data, type=Ask))
        if kind == PAUSES:
            await self._member.set_pauses(msgspec.msgpack.decode(data, type=list[str]))
        elif kind == FORGET:
            self._member.forget(msgspec.msgpack.decode(data, type=str))
        elif kind == COMMIT:
            await self._member.commit()
        elif kind == PREPARE:
            number = msgspec.msgpack.decode(data, type=int)
            return await _told_faults(self._member.prepare(self._folder.snapshot(number)))
        elif kind == RELOAD:
            return await _told_faults(self.reload())
        return b""

    async def _answered(self, ask: Ask) -> bytes:
        """Answer a scrape, packed here: a large body crosses between processes as a small one."""
        answer = await packed(await self._member.answer(ask), ask.accept_encoding)
        return _encode(Answer(answer.status, answer.body, answer.content_type, answer.headers, answer.compressible))


async def _told_faults(work: Awaitable[None]) -> bytes:
    """Do something; the faults of a configuration are its answer."""
    try:
        await work
    except ConfigError as error:
        return _encode([(fault.file, fault.line, fault.path, fault.message) for fault in error.faults])
    return b""


def _faults(answer: bytes) -> list[Fault]:
    if not answer:
        return []
    return [Fault(*parts) for parts in msgspec.msgpack.decode(answer, type=list[tuple[str, int, str, str]])]
