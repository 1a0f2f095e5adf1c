"""How much one rendering may take: processor time and characters. Every step of a template asks here first."""

import operator as operators
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Any

from msgspec import Struct

MAX_TEXT = 20_000  # characters, of what a template writes and of every text on the way
MAX_NUMBER = 10**15
ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operators.add,
    "-": operators.sub,
    "*": operators.mul,
    "/": operators.truediv,
    "//": operators.floordiv,
    "%": operators.mod,
}
TIME_S = 0.1  # of the thread's own processor time: a busy machine makes no sound template fail


class Why(StrEnum):
    """Why a template was not used, as the metric says it."""

    ERROR = "error"
    SLOW = "slow"
    LONG = "long"
    EMPTY = "empty"
    LINK = "link"


class Failure(Struct, frozen=True):
    """A template that did not work; `text` is for whoever wrote it, and holds nothing that an alert said."""

    why: Why
    text: str


class StoppedError(Exception):
    """Ends a rendering."""

    def __init__(self, why: Why, text: str) -> None:
        super().__init__(text)
        self.failure = Failure(why, text)


class Budget:
    """The time that one rendering has. `clock` returns seconds, such as `time.thread_time`."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._ends = clock() + TIME_S

    def tick(self) -> None:
        """Go on, or StoppedError when the time is over."""
        if self._clock() >= self._ends:
            raise StoppedError(Why.SLOW, f"it takes longer than {TIME_S * 1000:.0f} ms")


def fits(characters: int) -> None:
    """Go on, or StoppedError for a text that would be longer than any message."""
    if characters > MAX_TEXT:
        raise StoppedError(Why.LONG, f"more than {MAX_TEXT} characters")


def text_of(value: Any) -> str:
    """Return a single value as text; StoppedError for lists and other things that are none."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, int | float):
        return "" if value is None else str(value)
    raise StoppedError(Why.ERROR, f"a {type(value).__name__} is no text: loop over it, or join it")


def joined(parts: Iterable[str]) -> str:
    """Return texts as one; takes no more of them than fit."""
    kept: list[str] = []
    size = 0
    for part in parts:
        size += len(part)
        fits(size)
        kept.append(part)
    return "".join(kept)


def combined(operator: str, left: Any, right: Any) -> Any:
    """Return what an operator makes of two values: of numbers, of texts with +, of a text and a number with *."""
    if operator == "+" and isinstance(left, str) and isinstance(right, str):
        fits(len(left) + len(right))
        return left + right
    if operator == "*" and isinstance(left, str) and isinstance(right, int):
        fits(len(left) * right)
        return left * right
    if not isinstance(left, int | float) or not isinstance(right, int | float):
        raise StoppedError(Why.ERROR, f"{operator} is for numbers, + for two texts as well")
    made = ARITHMETIC[operator](left, right)
    if not -MAX_NUMBER <= made <= MAX_NUMBER:
        raise StoppedError(Why.LONG, "a number that is too large")
    return made
