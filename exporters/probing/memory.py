"""A bounded memory: what was used least recently is forgotten first."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

MOST_REMEMBERED = 50_000

V = TypeVar("V")


def _never(_value: object) -> bool:
    return False


class Memory(Generic[V]):
    """A dict that makes missing values; values `in_use` are not forgotten.

    >>> memory = Memory(list, most=1)
    >>> memory.of("a").append(1)
    >>> memory.of("a"), memory.of("b"), memory.of("a")
    ([1], [], [])
    """

    def __init__(
        self, make: Callable[[], V], *, in_use: Callable[[V], bool] = _never, most: int = MOST_REMEMBERED
    ) -> None:
        self._make = make
        self._in_use = in_use
        self._most = most
        self._values: OrderedDict[Hashable, V] = OrderedDict()

    def of(self, key: Hashable) -> V:
        """Return the value of a key."""
        value = self._values.get(key)
        if value is None:
            value = self._values[key] = self._make()
            self._forget()
        else:
            self._values.move_to_end(key)
        return value

    def values(self) -> list[V]:
        """Return all values."""
        return list(self._values.values())

    def _forget(self) -> None:
        if len(self._values) > self._most:
            key, value = next(iter(self._values.items()))
            if self._in_use(value):
                self._values.move_to_end(key)
            else:
                del self._values[key]

    def __len__(self) -> int:
        return len(self._values)
