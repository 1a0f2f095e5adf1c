"""Whether a worker still answers. One that hangs serves nobody, and its devices nobody else."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from exporters.errors import WorkerGoneError
from exporters.probing.relay import RelayClient

ALIVE = "alive"
"""The call that a worker answers at once, with nothing."""

EVERY_S = 5.0
PATIENCE_S = 10.0
"""For one answer; a worker never holds its loop for a second."""

MOST_SILENCES = 2
"""Unanswered calls in a row; one alone may be our own sleep, as when the machine was suspended."""


async def listen(socket: Path, name: str, hung: Callable[[], None]) -> None:
    """Ask a worker again and again whether it is there, and call `hung` when it is not; ends with it."""
    silences = 0
    while silences < MOST_SILENCES:
        await asyncio.sleep(EVERY_S)
        silences = 0 if await _answers(socket, name) else silences + 1
    hung()


async def _answers(socket: Path, name: str) -> bool:
    async with asyncio.TaskGroup() as group:
        client = RelayClient(socket, name, group=group)
        try:
            await client.call(ALIVE, b"", timeout_s=PATIENCE_S)
        except WorkerGoneError:
            return False
        finally:
            client.close()
    return True
