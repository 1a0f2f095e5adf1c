"""Whatever stands in a file: a value or a ConfigError whose faults can be shown, and nothing else."""

import enum
import string
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from heronwatch.config import ByKey, ConfigError, Loaded, load, loads
from heronwatch.secrets import Secret
from heronwatch.values import AsWritten, ByteSize, Duration, HostPort, HttpUrl, Network, Regex

EXAMPLE = """\
version: 1
name: a
kinds: {x: one, y: two}
devices: &d [{kind: tcp, address: 10.0.0.1:502}, {kind: tcp, address: "h"}]
password: {env: HUNTER}
tokens: [hunter2]
choice: {type: left, n: 1}
numbers: [1, 0x1F, -3]
pair: [1.5, soon]
wait: 1h30m
nets: [10.0.0.0/8]
url: http://h/
any: {a: [1, ~, "x"], b: *d}
"""


class Block(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Kind(enum.Enum):
    ONE = "one"
    TWO = "two"


class Tcp(Block):
    address: HostPort


class Left(Block, tag="left", tag_field="type"):
    n: int = 0


class Right(Block, tag="right", tag_field="type"):
    inner: "Left | Right | None" = None


class Config(Block):
    version: Literal[1]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=5)]
    kinds: dict[str, Kind] = {}
    devices: list[Annotated[Any, ByKey("kind", names=lambda: ["tcp"], type_of=lambda _: Tcp)]] = []
    password: Secret | None = None
    tokens: tuple[Secret, ...] = ()
    choice: Left | Right | None = None
    numbers: frozenset[Annotated[int, msgspec.Meta(ge=-5, multiple_of=1)]] = frozenset()
    pair: tuple[float, str | bool | None] = (0.0, None)
    wait: Duration | Literal["never"] = Duration(1)
    nets: list[Network] = []
    url: HttpUrl | None = None
    only: Regex | None = None
    most: ByteSize = ByteSize(1)
    free: dict[Annotated[str, AsWritten()], int | list[str] | dict[str, bool]] = {}
    path: Path | None = None
    any: Any = None


def outcome(text: str) -> Loaded[Config] | ConfigError:
    try:
        return loads(text, Config, env={"HUNTER": "x"})
    except ConfigError as error:
        return error


def try_to_load(text: str) -> None:
    result = outcome(text)
    if isinstance(result, Loaded):
        yaml.load(result.masked(), Loader=yaml.CSafeLoader)
    else:
        assert result.faults
        assert all(fault.line >= 0 and fault.message.isprintable() for fault in result.faults)


def test_the_example_loads() -> None:
    assert loads(EXAMPLE, Config, env={"HUNTER": "x"}).value.choice is not None


@settings(max_examples=300, deadline=None)
@given(st.text())
def test_any_text(text: str) -> None:
    try_to_load(text)


@settings(max_examples=300, deadline=None)
@given(st.text("abc01:-[]{}&*!<>|'\"#%@`,?\n\t ~.", max_size=60))
def test_any_text_of_signs_that_mean_something(text: str) -> None:
    try_to_load(text)


SIGNS = (
    "\n",
    "  ",
    "\n  ",
    "on",
    "NO",
    "~",
    "017",
    "12:30",
    "- ",
    ": ",
    "&d ",
    "*d",
    "<<: ",
    "\x07",
    "\ud800",
    "\u2028",
)
WORDS = st.sampled_from([*string.punctuation, *SIGNS])


@settings(max_examples=400, deadline=None)
@given(
    edits=st.lists(st.tuples(st.integers(0, len(EXAMPLE)), st.integers(0, 9), WORDS | st.text(max_size=4)), max_size=4)
)
def test_any_edit_of_a_good_file(edits: list[tuple[int, int, str]]) -> None:
    text = EXAMPLE
    for place, removed, added in edits:
        text = text[:place] + added + text[place + removed :]
    try_to_load(text)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["tcp", "one", "5s"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "kind", "n", "address", "env", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(st.sampled_from(Config.__struct_fields__), VALUES))
def test_any_value_under_any_key(values: dict[str, Any]) -> None:
    try_to_load(yaml.dump({"version": 1, "name": "a"} | values, Dumper=yaml.CSafeDumper))


@settings(max_examples=200, deadline=None)
@given(VALUES)
def test_masked_text_means_what_was_written(value: Any) -> None:
    text = yaml.dump({"a": value}, Dumper=yaml.CSafeDumper, allow_unicode=True)
    loaded = loads(text, dict[str, Any])
    masked, written = (yaml.load(each, Loader=yaml.CSafeLoader) for each in (loaded.masked(), text))
    assert shape_of(masked) == shape_of(written)


def shape_of(value: Any) -> Any:
    """Reduce scalars to nothing: under Any they are masked."""
    if isinstance(value, dict):
        return {key: shape_of(inner) for key, inner in value.items()}
    return [shape_of(inner) for inner in value] if isinstance(value, list) else None


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.text(max_size=4), st.text(max_size=8), max_size=4))
def test_texts_come_back_as_they_were_written(texts: dict[str, str]) -> None:
    text = yaml.dump(texts, Dumper=yaml.CSafeDumper, allow_unicode=True, default_style='"')
    loaded = loads(text, dict[str, str])
    assert loaded.value == texts
    assert yaml.load(loaded.masked(), Loader=yaml.CSafeLoader) == texts


@settings(max_examples=100, deadline=None)
@given(st.binary())
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.yml"
    path.write_bytes(b"\xff" + data)
    with pytest.raises(ConfigError, match="not UTF-8"):
        load([path], Config)


SECRET_PLACES = """
password: {}
tokens: {}
tokens: [{}]
tokens: [[{}]]
password: {{env: {}}}
password: {{file: [{}]}}
password: {{x: {}}}
password: [{}, {}]
choice: {}
devices: {}
devices: [{}]
pasword: {}
""".strip().splitlines()
SPELLINGS = [
    *("hunter2!", "'hunter2!'", "&x hunter2!", "*hunter2!", "!hunter2!", "%hunter2!", "@hunter2!", '"hunter2!'),
    *("[hunter2!]", "{hunter2!: hunter2!}", "{hunter2!: 1, hunter2!: 2}", "- hunter2!", "hunter2!: hunter2!"),
    "|\n  hunter2!\n hunter2!",
]


@pytest.mark.parametrize("place", SECRET_PLACES)
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_fault_echoes_what_may_be_a_secret(place: str, spelling: str) -> None:
    line = place.replace("{}", spelling).replace("{{", "{").replace("}}", "}")
    result = outcome(f"version: 1\nname: a\n{line}\n")
    shown = result.masked() + repr(result.value) if isinstance(result, Loaded) else str(result)
    assert "hunter2" not in shown
