"""`$NAME` and `${NAME}` in the auths of an `snmp.yml`, with `--config.expand-environment-variables`. Pure.

They stand for environment variables as in the original, in the community too, which the original leaves alone. There a
variable that is missing becomes nothing unless the whole value is empty then; here it is a fault.
"""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from msgspec import structs

from exporters.snmp.config.own_form import SECRET_KEYS, auth_nodes
from exporters.snmp.config.snmpyml import Auth, OldModule, is_old_form
from heronwatch.config import ConfigError, Fault
from heronwatch.secrets import Secret
from heronwatch.yaml_nodes import Node, Scalar, compose

T = TypeVar("T", Auth, OldModule)

EXPANDED_KEYS = ("username", *SECRET_KEYS)
_REFERENCE = re.compile(r"\$(?:\{([^}]*)\}|([A-Za-z_][A-Za-z0-9_]*)|([0-9*#$@!?-]))")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class MissingVariableError(ValueError):
    """A reference leads nowhere; the message repeats nothing that may be part of a secret."""


def expanded(text: str, env: Mapping[str, str]) -> str:
    """Return a text with its references replaced; raises MissingVariableError.

    >>> expanded("ro-${SITE}", {"SITE": "zurich"}), expanded("costs 5$", {})
    ('ro-zurich', 'costs 5$')
    """

    def value(found: re.Match[str]) -> str:
        name = found[1] if found[1] is not None else found[2]
        if name is None or not _NAME.fullmatch(name):
            raise MissingVariableError(
                "a '$' in it is followed by what is no name of an environment variable; keep the whole value in one"
            )
        if not env.get(name):
            shown = name if found[1] is not None else "named after a '$' in it"  # "pa$word" may be a secret
            raise MissingVariableError(f"environment variable {shown} is not set, or empty")
        return env[name]

    return _REFERENCE.sub(value, text)


def expansions(
    root: Node | None, env: Mapping[str, str], *, old: bool
) -> tuple[dict[str, dict[str, str]], list[Fault]]:
    """Return what to put into which key of which auth, by dotted path, and a fault for each missing variable."""
    found: dict[str, dict[str, str]] = {}
    faults: list[Fault] = []
    for path, block in auth_nodes(root, old=old):
        for key, node in block.pairs:
            if key.text not in EXPANDED_KEYS or not isinstance(node, Scalar) or "$" not in node.text:
                continue
            try:
                found.setdefault(path, {})[key.text] = expanded(node.text, env)
            except MissingVariableError as error:
                faults.append(Fault(node.file, node.line, f"{path}.{key.text}", str(error)))
    return found, faults


def with_environment(blocks: Mapping[str, T], text: str, file: str, env: Mapping[str, str]) -> dict[str, T]:
    """Return auths, or the modules of an old file, with the variables that their text refers to.

    Raises ConfigError with every variable that is missing.
    """
    found, faults = expansions(compose(text, file).root, env, old=is_old_form(text))
    if faults:
        raise ConfigError(faults)
    return {name: _with(block, name, found) for name, block in blocks.items()}


def _with(block: T, name: str, found: Mapping[str, Mapping[str, str]]) -> T:
    if isinstance(block, OldModule):
        return structs.replace(block, auth=structs.replace(block.auth, **_values(found.get(f"{name}.auth", {}))))
    return structs.replace(block, **_values(found.get(f"auths.{name}", {})))


def _values(given: Mapping[str, str]) -> dict[str, Any]:
    return {key: Secret(value) if key in SECRET_KEYS else value for key, value in given.items()}
