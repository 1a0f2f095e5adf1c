"""What a template may be made of: texts, values, conditions, loops over values. All else is refused at load. Pure.

Nothing that is allowed here can build a value from many others in one step, nor reach beyond the values it is given.
"""

from collections.abc import Collection, Iterator

from jinja2 import nodes

from heronwatch.words import hint

MAX_DEPTH = 40  # of expressions and blocks in each other
STATEMENTS = (nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Assign)
EXPRESSIONS = (
    nodes.Name,
    nodes.Const,
    nodes.Getattr,
    nodes.Getitem,
    nodes.Slice,
    nodes.Filter,
    nodes.Test,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Add,
    nodes.Sub,
    nodes.Mul,
    nodes.Div,
    nodes.FloorDiv,
    nodes.Mod,
    nodes.Neg,
    nodes.Concat,
    nodes.Tuple,
    nodes.List,
    nodes.Call,
    nodes.Keyword,
)
ALLOWED: tuple[type[nodes.Node], ...] = (*STATEMENTS, *EXPRESSIONS)
METHODS = frozenset({"startswith", "endswith", "lower", "upper", "strip", "split", "get", "items", "keys", "values"})


def faults(tree: nodes.Template, *, filters: Collection[str], tests: Collection[str]) -> Iterator[tuple[int, str]]:
    """Yield the line and the reason of everything in a template that is not for templates here."""
    waiting: list[tuple[nodes.Node, int]] = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        if depth > MAX_DEPTH:
            yield node.lineno or 1, f"more than {MAX_DEPTH} levels deep: write it flatter"
            return
        fault = _fault(node, filters, tests)
        if fault:
            yield node.lineno or 1, fault
        waiting += [(child, depth + 1) for child in node.iter_child_nodes()]


def _fault(node: nodes.Node, filters: Collection[str], tests: Collection[str]) -> str:
    """Return why one node is refused, "" where it is not."""
    if not isinstance(node, ALLOWED):
        return f"{type(node).__name__.lower()} is not for messages: use values, if, for, set and the listed filters"
    match node:
        case nodes.Filter(name=name) if name not in filters:
            return f"no filter {name!r}{hint(name, sorted(filters))}"
        case nodes.Test(name=name) if name not in tests:
            return f"no test {name!r}{hint(name, sorted(tests))}"
        case nodes.Getattr(attr=name) | nodes.Name(name=name) if name.startswith("_"):
            return f"{name!r} is out of reach: names do not begin with _"
    return _misused(node)


def _misused(node: nodes.Node) -> str:
    """Return what is wrong with the use of something that is allowed."""
    match node:
        case nodes.Call() if not _is_method(node):
            return f"nothing can be called but {', '.join(sorted(METHODS))}"
        case nodes.For(recursive=True):
            return "a recursive loop is not for messages"
        case nodes.Assign(target=target) if not isinstance(target, nodes.Name):
            return "set one plain name"
        case nodes.List() | nodes.Tuple(ctx="load") if not all(isinstance(each, nodes.Const) for each in node.items):
            return "a list holds constants only, such as ['critical', 'high']"
    return ""


def _is_method(call: nodes.Call) -> bool:
    return isinstance(call.node, nodes.Getattr) and call.node.attr in METHODS
