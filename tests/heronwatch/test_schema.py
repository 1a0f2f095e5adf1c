"""The JSON Schema is valid, and agrees with the decoder about what is good and what is bad."""

import enum
from pathlib import Path
from typing import Annotated, Any, Literal

import jsonschema
import msgspec
import pytest
import yaml

from heronwatch.config import ByKey, ConfigError, loads
from heronwatch.errors import PluginUnavailable
from heronwatch.schema import json_schema
from heronwatch.secrets import Secret
from heronwatch.values import ByteSize, Duration, HostPort, HttpUrl, Network, Regex, Verbatim


class Block(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Kind(enum.Enum):
    ONE = "one"
    TWO = "two"


class Gauge(Block, tag_field="type", tag="gauge"):
    low: float = 0.0


class Counter(Block, tag_field="type", tag="counter"):
    total: int


class Tcp(Block):
    """A device behind TCP."""

    address: HostPort


class Udp(Block):
    port: Annotated[int, msgspec.Meta(ge=1, le=65_535, description="port that listens")] = 161


def type_of(name: str) -> type:
    if name == "serial":
        raise PluginUnavailable("not here")
    return {"tcp": Tcp, "udp": Udp}[name]


Device = Annotated[Any, ByKey("kind", names=lambda: ["serial", "tcp", "udp"], type_of=type_of)]


class Config(Block):
    """What a test loads."""

    version: Literal[1]
    kind: Kind = Kind.ONE
    metric: Gauge | Counter | None = None
    devices: list[Device] = []
    password: Secret | None = None
    wait: Duration = Duration(90)
    most: ByteSize = ByteSize(1 << 20)
    nets: list[Network] = []
    url: HttpUrl | None = None
    only: Regex | None = None
    pair: tuple[int, bool] = (1, True)
    ids: frozenset[int] = frozenset()
    names: Annotated[dict[Literal["a", "b"], str], msgspec.Meta(max_length=1)] = {}
    numbers: dict[int, Verbatim] = {}
    label: Annotated[str, msgspec.Meta(min_length=2, pattern="^[a-z]+$", title="label")] = "abc"
    inner: "list[Config]" = []
    path: Path | None = None
    free: Any = None


SCHEMA = json_schema(Config)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def decodes(text: str) -> bool:
    try:
        loads(text, Config, env={"X": "x"})
    except ConfigError:
        return False
    return True


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "kind: two",
        "metric: {type: counter, total: 1}",
        "devices: [{kind: tcp, address: 10.0.0.9:502}, {kind: udp}]",
        "devices:",
        "password: hunter2",
        "password: {env: X}",
        "wait: 1h30m",
        "wait: 0",
        "most: 64MiB",
        "nets: [10.0.0.0/8]",
        "url: https://h:9090/x",
        "only: 'eth[0-9]'",
        "pair: [1, true]",
        "ids: [1, 2]",
        "names: {a: x}",
        "numbers: {1: 'off', 2: 7}",
        "label: abc",
        "inner: [{version: 1}]",
        "path: certs/ca.pem",
        "free: {a: [1, x]}",
    ],
)
def test_both_accept(text: str) -> None:
    assert decodes(f"version: 1\n{text}")
    VALIDATOR.validate(yaml_to_json(f"version: 1\n{text}"))


@pytest.mark.parametrize(
    "text",
    [
        "version: 2",
        "version: 1\nkinds: two",
        "version: 1\nkind: three",
        "version: 1\nmetric: {type: counter}",
        "version: 1\nmetric: {type: summary}",
        "version: 1\ndevices: [{kind: tcp}]",
        "version: 1\ndevices: [{kind: serial}]",
        "version: 1\ndevices: [{kind: udp, port: 0}]",
        "version: 1\ndevices: [{address: a}]",
        "version: 1\ndevices: {}",
        "version: 1\npassword: {env: X, file: y}",
        "version: 1\npassword: {vault: X}",
        "version: 1\npassword: [x]",
        "version: 1\nwait: 90",
        "version: 1\nwait: soon",
        "version: 1\nmost: 64MB",
        "version: 1\nurl: http://ana:pw@h/",
        "version: 1\npair: [1]",
        "version: 1\npair: [1, 2]",
        "version: 1\nids: [1, 1]",
        "version: 1\nnames: {c: x}",
        "version: 1\nnames: {a: x, b: y}",
        "version: 1\nnumbers: {x: y}",
        "version: 1\nlabel: A",
        "version: 1\nlabel: a",
        "version: 1\ninner: [{version: 2}]",
        "[]",
    ],
)
def test_both_refuse(text: str) -> None:
    assert not decodes(text)
    assert list(VALIDATOR.iter_errors(yaml_to_json(text)))


def yaml_to_json(text: str) -> Any:
    """Read YAML as an editor hands it to a schema: keys are strings."""
    return string_keys(yaml.safe_load(text))


def string_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): string_keys(inner) for key, inner in value.items()}
    return [string_keys(inner) for inner in value] if isinstance(value, list) else value


def test_editors_get_descriptions_and_defaults() -> None:
    config = SCHEMA["$defs"]["Config"]
    assert config["description"] == "What a test loads."
    assert config["properties"]["wait"]["default"] == "1m30s"
    assert config["properties"]["kind"]["default"] == "one"
    assert SCHEMA["$defs"]["Udp"]["properties"]["port"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 65_535,
        "description": "port that listens",
        "default": 161,
    }


def test_a_secret_is_text_or_env_or_file() -> None:
    kinds = SCHEMA["$defs"]["Config"]["properties"]["password"]["anyOf"][0]["oneOf"]
    assert [kind.get("required") or kind["type"] for kind in kinds] == ["string", ["env"], ["file"]]


def test_two_structs_of_one_name_stay_apart() -> None:
    other = msgspec.defstruct("Tcp", [("port", int)], frozen=True)
    both = msgspec.defstruct("Both", [("a", Tcp), ("b", other)], frozen=True)
    schema = json_schema(both)
    assert schema["$defs"]["Tcp"] != schema["$defs"]["Tcp-2"]
    jsonschema.validate({"a": {"address": "h"}, "b": {"port": 1}}, schema, jsonschema.Draft202012Validator)
