"""The processes that serve as one: who owns a target, and how the others are told. `Alone` is the team of one."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from exporters.snapshot import FILES, Snapshot
from heronwatch.http_message import Response


class Ask(Struct, frozen=True, kw_only=True):
    """A scrape on its way to the worker that does it; the address was resolved and accepted by the one that asks."""

    path: str
    query_string: str
    budget_s: float
    address: str = ""
    accept_encoding: str = ""


class Team(Protocol):
    """What a process knows of the others."""

    index: int
    workers: int

    def missing(self) -> list[str]:
        """Say which workers are not there."""
        ...

    async def forward(self, owner: int, ask: Ask) -> Response:
        """Have the owner answer; raises `WorkerGoneError` at once when it is not there."""
        ...

    async def pause(self, target: str) -> Sequence[str]:
        """Pause a target in every process; return all that is paused."""
        ...

    async def resume(self, target: str) -> Sequence[str]:
        """Resume a target in every process, forget its failures; return all that is paused."""
        ...

    async def reload(self) -> None:
        """Load the configuration in every process or in none; raises `ConfigError`."""
        ...


class Member(Protocol):
    """What a team asks of the process it is in."""

    async def answer(self, ask: Ask) -> Response:
        """Answer a scrape here."""
        ...

    async def set_pauses(self, targets: Sequence[str]) -> None:
        """Set what is paused."""
        ...

    def forget(self, target: str) -> None:
        """Forget the failures of a target."""
        ...

    async def prepare(self, snapshot: Snapshot = FILES) -> None:
        """Load a configuration without using it; raises `ConfigError`."""
        ...

    async def copy_files(self, snapshot: Snapshot) -> None:
        """Copy the files of what was prepared."""
        ...

    async def commit(self) -> None:
        """Use what was prepared."""
        ...


class Alone:
    """One process: everything is here."""

    index = 0
    workers = 1

    def __init__(self, member: Member) -> None:
        self._member = member
        self._paused: set[str] = set()

    def missing(self) -> list[str]:
        """Nobody is missing."""
        return []

    async def forward(self, owner: int, ask: Ask) -> Response:  # noqa: ARG002  # there is one owner
        """Answer here."""
        return await self._member.answer(ask)

    async def pause(self, target: str) -> Sequence[str]:
        """Pause a target."""
        self._paused.add(target)
        return await self._set()

    async def resume(self, target: str) -> Sequence[str]:
        """Resume a target."""
        self._paused.discard(target)
        self._member.forget(target)
        return await self._set()

    async def _set(self) -> Sequence[str]:
        targets = sorted(self._paused)
        await self._member.set_pauses(targets)
        return targets

    async def reload(self) -> None:
        """Load and use the configuration."""
        await self._member.prepare()
        await self._member.commit()
