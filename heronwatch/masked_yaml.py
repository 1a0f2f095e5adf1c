"""A tree of nodes → YAML text for people, with every secret as <secret>."""

import yaml

from heronwatch.yaml_nodes import Mapping, Node, Scalar, Sequence

SECRET = "<secret>"  # noqa: S105  # what stands in place of one
UNREAD = "<not read>"

_RESOLVER = yaml.resolver.Resolver()
_TEXT_TAG = "tag:yaml.org,2002:str"


def masked_yaml(root: Node, *, secrets: set[int], unread: set[int]) -> str:
    """Return a tree as YAML; `secrets` and `unread` are the identities (`id`) of nodes not to be shown."""
    return str(yaml.serialize(_shown(root, secrets, unread), Dumper=yaml.CSafeDumper, allow_unicode=True, width=120))


def _shown(node: Node, secrets: set[int], unread: set[int]) -> yaml.Node:
    if id(node) in secrets:
        return yaml.ScalarNode(_TEXT_TAG, SECRET)
    if id(node) in unread and not isinstance(node, Mapping | Sequence):
        return yaml.ScalarNode(_TEXT_TAG, UNREAD)
    inner = unread | {id(child) for child in _children(node)} if id(node) in unread else unread
    if isinstance(node, Mapping):
        pairs = [(_scalar(key), _shown(value, secrets, inner)) for key, value in node.pairs]
        return yaml.MappingNode("tag:yaml.org,2002:map", pairs, flow_style=False)
    if isinstance(node, Sequence):
        items = [_shown(item, secrets, inner) for item in node.items]
        return yaml.SequenceNode("tag:yaml.org,2002:seq", items, flow_style=False)
    return _scalar(node)


def _children(node: Node) -> list[Node]:
    if isinstance(node, Mapping):
        return [value for _, value in node.pairs]
    return node.items if isinstance(node, Sequence) else []


def _scalar(node: Scalar) -> yaml.ScalarNode:
    if node.plain:
        tag = _RESOLVER.resolve(yaml.ScalarNode, node.text, (True, False))  # type: ignore[no-untyped-call]  # PyYAML
        return yaml.ScalarNode(tag, node.text)
    return yaml.ScalarNode(_TEXT_TAG, node.text)
