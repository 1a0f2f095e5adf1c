"""What a stalled machine can spoil is tried again: a stall hits one try, a fault hits every one."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
TRIES = 4


def tried(scene: Callable[[], T], right: Callable[[T], object]) -> T:
    """Play a scene until what it gives is right, at most TRIES times; return the last outcome."""
    for _ in range(TRIES - 1):
        found = scene()
        if right(found):
            return found
    return scene()


async def tried_async(scene: Callable[[], Awaitable[T]], right: Callable[[T], object]) -> T:
    """Do the same with a coroutine function."""
    for _ in range(TRIES - 1):
        found = await scene()
        if right(found):
            return found
    return await scene()
