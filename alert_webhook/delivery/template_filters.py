"""The filters of templates: a short list, each of which asks the budget first and returns nothing long. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from jinja2 import Undefined, pass_context
from jinja2.runtime import Context

from alert_webhook.delivery.template_budget import Budget, StoppedError, Why, fits, joined, text_of

BUDGET = "_budget"  # the value that holds it; a template cannot name what begins with _
EACH, JOINED = "_each", "_joined"  # filters put into every loop and every ~


def budget_of(context: Context) -> Budget:
    """Return the budget of the rendering that this context belongs to."""
    budget: Budget = context[BUDGET]
    return budget


def _each(_context: Context, values: Any) -> Iterator[Any]:
    """Yield what a loop runs over, and ask the budget each time."""
    budget = budget_of(_context)
    for value in _many(values):
        budget.tick()
        yield value


def _many(values: Any) -> Iterable[Any]:
    if isinstance(values, Undefined):
        str(values)  # which raises, and names it
    if not isinstance(values, Iterable):
        raise StoppedError(Why.ERROR, f"a {type(values).__name__} is not many values")
    return values


def _join(context: Context, values: Any, between: str = "") -> str:
    size, parts = 0, []
    for value in _each(context, values):
        parts.append(text_of(value))
        size += len(parts[-1]) + len(text_of(between))
        fits(size)
    return text_of(between).join(parts)


def _replace(_context: Context, value: Any, old: str, new: str) -> str:
    text, old, new = text_of(value), text_of(old), text_of(new)
    fits(len(text) + text.count(old) * len(new))
    return text.replace(old, new)


def _truncate(_context: Context, value: Any, length: int = 80) -> str:
    text = text_of(value)
    return text if len(text) <= length else text[: max(0, length - 1)].rstrip() + "…"


def _default(_context: Context, value: Any, instead: Any = "") -> Any:
    """Return a value, or the other one where it is missing or empty."""
    return instead if isinstance(value, Undefined) or value in ("", None) else value


def _map(context: Context, values: Any, attribute: str) -> list[Any]:
    return [context.environment.getitem(value, attribute) for value in _each(context, values)]


def _length(_context: Context, values: Any) -> int:
    return len(values)


def _first(context: Context, values: Any) -> Any:
    return next(iter(_each(context, values)), "")


def _last(context: Context, values: Any) -> Any:
    return list(_each(context, values))[-1:][0] if values else ""


def _sort(context: Context, values: Any) -> list[str]:
    return sorted(text_of(value) for value in _each(context, values))


def _unique(context: Context, values: Any) -> list[str]:
    return list(dict.fromkeys(text_of(value) for value in _each(context, values)))


def _items(_context: Context, values: Any) -> list[tuple[str, str]]:
    """Return the pairs of labels or annotations, sorted by name."""
    if not isinstance(values, Mapping):
        raise StoppedError(Why.ERROR, f"a {type(values).__name__} has no items")
    return sorted(values.items())


def _texts(change: Callable[[str], str]) -> Callable[..., str]:
    return lambda _context, value: change(text_of(value))


WORK: dict[str, Callable[..., Any]] = {
    "capitalize": _texts(str.capitalize),
    "count": _length,
    "d": _default,
    "default": _default,
    "dictsort": _items,
    "first": _first,
    "items": _items,
    "join": _join,
    "last": _last,
    "length": _length,
    "lower": _texts(str.lower),
    "map": _map,
    "replace": _replace,
    "sort": _sort,
    "title": _texts(str.title),
    "trim": _texts(str.strip),
    "truncate": _truncate,
    "unique": _unique,
    "upper": _texts(str.upper),
}
PUBLIC = frozenset(WORK)


def filters() -> dict[str, Callable[..., Any]]:
    """Return the filters as Jinja takes them."""
    made = {name: _asking(work) for name, work in WORK.items()}
    return {**made, EACH: pass_context(_each), JOINED: _asking(_concatenated)}


def _concatenated(_context: Context, values: Any) -> str:
    return joined(text_of(value) for value in values)


def _asking(work: Callable[..., Any]) -> Callable[..., Any]:
    @pass_context
    def asks(context: Context, *arguments: Any, **named: Any) -> Any:
        budget_of(context).tick()
        return work(context, *arguments, **named)

    return asks
