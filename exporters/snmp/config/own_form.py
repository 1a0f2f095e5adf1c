"""The text of an ordinary `snmp.yml`: how it is told from other files, where its secrets stand, and how it is shown."""

import re
import zlib
from collections.abc import Iterator

from exporters.snmp.config.snmpyml import is_old_form
from heronwatch.masked_yaml import masked_yaml
from heronwatch.yaml_nodes import Mapping, Node, compose

SECRET_KEYS = ("community", "password", "priv_password")
"""The keys of an auth that hold a secret."""

_TOP_KEY = re.compile(r"""^["']?([A-Za-z0-9_.-]+)["']?[ ]*:""", re.MULTILINE)
_WALKING = re.compile(r"(?:^[ ]+|[{,][ ]*)(?:walk|get)[ ]*:", re.MULTILINE)
_SECTIONS = frozenset({"auths", "modules"})


def is_snmp_yml(text: str) -> bool:
    r"""Say whether a text is an `snmp.yml`, by what it has at the top; it may still be full of faults.

    >>> is_snmp_yml("auths:\n  public_v2: {version: 2}"), is_snmp_yml("if_mib:\n  walk: [1.3.6.1.2.1.2]")
    (True, True)
    >>> is_snmp_yml("modules:\n  a: {walk: [1.3.6.1.2.1.1]}")
    True
    >>> is_snmp_yml("version: 1\nmodules: {}"), is_snmp_yml("groups: []")
    (False, False)
    """
    keys = set(_TOP_KEY.findall(text))
    if "auths" in keys:
        return True
    if "version" in keys:
        return False
    return bool(keys) and (keys <= _SECTIONS or not keys & _SECTIONS) and _WALKING.search(text) is not None


def auth_nodes(root: Node | None, *, old: bool) -> Iterator[tuple[str, Mapping]]:
    """Yield each block that says how to talk to a device, with its dotted path."""
    if not isinstance(root, Mapping):
        return
    if old:
        found = ((f"{name.text}.auth", block.get("auth")) for name, block in root.pairs if isinstance(block, Mapping))
    else:
        auths = root.get("auths")
        pairs = auths.pairs if isinstance(auths, Mapping) else []
        found = ((f"auths.{name.text}", block) for name, block in pairs)
    yield from ((path, block) for path, block in found if isinstance(block, Mapping))


def shown(text: str, file: str) -> str:
    """Return the text as YAML for people to see: secrets as <secret>, no comments."""
    root = compose(text, file).root
    if root is None:
        return ""
    secrets = {
        id(value)
        for _, block in auth_nodes(root, old=is_old_form(text))
        for key, value in block.pairs
        if key.text in SECRET_KEYS
    }
    return masked_yaml(root, secrets=secrets, unread=set())


class ShownFile:
    """A file that was read, kept small until somebody wants to see it."""

    def __init__(self, file: str, text: str) -> None:
        self._file = file
        self._text: bytes | None = _packed(text)
        self._masked = b""

    def masked(self) -> str:
        """Return the file's name and its text without secrets. The first time takes a second for 2 MB."""
        if self._text is not None:
            self._masked = _packed(shown(zlib.decompress(self._text).decode(), self._file))
            self._text = None
        return f"# {self._file}\n{zlib.decompress(self._masked).decode()}"


def _packed(text: str) -> bytes:
    return zlib.compress(text.encode(), 1)
