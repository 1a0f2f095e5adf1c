"""Templates of users: compiled once, rendered in a sandbox within 100 ms and 20,000 characters; does no I/O."""

import time
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, Undefined, meta, nodes, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from alert_webhook.delivery import template_check
from alert_webhook.delivery.template_budget import Budget, Failure, StoppedError, Why, combined, joined, text_of
from alert_webhook.delivery.template_filters import BUDGET, EACH, JOINED, PUBLIC, budget_of, filters
from heronwatch.words import hint

MAX_SOURCE = 8000
TESTS = ("defined", "undefined", "none", "string", "number", "odd", "even", "in", "eq", "ne", "lt", "le", "gt", "ge")
UNWRITABLE = (TemplateError, SyntaxError, ValueError, RecursionError, MemoryError, OverflowError)


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, with nothing in it but what is listed here."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%"})
    concat = staticmethod(joined)  # ours is bounded

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        budget_of(context).tick()
        return combined(operator, left, right)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805, PYI063  # Jinja's
        budget_of(__context).tick()
        owner, name = getattr(__obj, "__self__", None), getattr(__obj, "__name__", "")
        if isinstance(owner, str | dict) and name in template_check.METHODS:
            return __obj(*args, **kwargs)
        raise StoppedError(Why.ERROR, "it calls what cannot be called")


@pass_context
def _shown(context: Context, value: Any) -> str:
    """Return what an expression writes."""
    budget_of(context).tick()
    return str(value) if isinstance(value, Undefined) else text_of(value)  # of what is undefined: raises, and names it


class _Bounding(NodeTransformer):
    """Puts the budget into every loop and every ~."""

    def visit_For(self, node: nodes.For) -> nodes.For:  # noqa: N802  # Jinja's
        self.generic_visit(node)
        node.iter = nodes.Filter(node.iter, EACH, [], [], None, None, lineno=node.lineno)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Filter:  # noqa: N802  # Jinja's
        self.generic_visit(node)
        parts = nodes.List(node.nodes, lineno=node.lineno)
        return nodes.Filter(parts, JOINED, [], [], None, None, lineno=node.lineno)


@lru_cache(maxsize=2)
def _environment(*, html: bool) -> _Sandbox:
    made = _Sandbox(
        autoescape=html,
        undefined=StrictUndefined,
        finalize=_shown,
        optimized=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals, made.filters = {}, filters()
    made.tests = {name: made.tests[name] for name in TESTS}
    return made


@lru_cache(maxsize=128)
def compiled(source: str, *, html: bool, known: Collection[str]) -> Template | str:
    """Return a template, or what is wrong with it. `known` are the names it may use; `html` escapes what it shows."""
    if len(source) > MAX_SOURCE:
        return f"longer than {MAX_SOURCE} characters"
    environment = _environment(html=html)
    try:
        tree = environment.parse(source)
        if wrong := _wrong(tree, known):
            line, text = wrong
            return f"line {line} of the template: {text}"
        bounded = _Bounding().visit(tree)
        return Template.from_code(environment, environment.compile(bounded), {})
    except TemplateSyntaxError as error:
        return f"line {error.lineno} of the template: {error.message}"
    except UNWRITABLE as error:
        return f"no template: {type(error).__name__}"


def _wrong(tree: nodes.Template, known: Collection[str]) -> tuple[int, str] | None:
    """Return the first line with something that is refused, and why."""
    found = sorted(template_check.faults(tree, filters=PUBLIC, tests=TESTS))
    if found:
        return found[0]
    unknown = meta.find_undeclared_variables(tree) - set(known)
    uses = [(name.lineno, name.name) for name in tree.find_all(nodes.Name) if name.name in unknown]
    for line, name in sorted(uses):
        return line, f"{name!r} is not known{hint(name, sorted(known))}"
    return None


def rendered(
    source: str, values: Mapping[str, Any], *, html: bool = False, clock: Callable[[], float] = time.thread_time
) -> str | Failure:
    """Return what a template makes of values, or why it made nothing; never raises."""
    template = compiled(source, html=html, known=frozenset(values))
    if isinstance(template, str):
        return Failure(Why.ERROR, template)
    try:
        text = template.render({**values, BUDGET: Budget(clock)})
    except StoppedError as stopped:
        return stopped.failure
    except Exception as error:  # noqa: BLE001  # whatever a template does, the page goes out
        return Failure(Why.ERROR, _named(error))
    return text if text.strip() else Failure(Why.EMPTY, "it writes nothing")


def _named(error: Exception) -> str:
    """Return an error in words; only those about names are passed on, since others may quote an alert."""
    told = isinstance(error, TemplateError) and error.message
    return str(told)[:200] if told else type(error).__name__
