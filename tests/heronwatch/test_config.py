"""What loads: types, defaults, several files, places, masking."""

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NewType

import msgspec
import pytest
import yaml

from heronwatch.config import ByKey, ConfigError, Fault, load, loads, nearest
from heronwatch.secrets import Secret
from heronwatch.values import AsWritten, Duration, HostPort


class Block(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Login(Block):
    user: str
    password: Secret


class Config(Block):
    version: Literal[1] = 1
    modules: dict[str, dict[str, Any]] = {}
    devices: list[str] = []
    login: Login | None = None
    options: Any = None


Watts = NewType("Watts", int)


class Tree(Block):
    name: str
    branches: "list[Tree]" = []


class Gauge(Block, tag_field="type", tag="gauge"):
    low: float = 0.0


class Counter(Block, tag_field="type", tag="counter"):
    total: int


class Renamed(Block, rename="kebab"):
    max_gap: int = 1


@pytest.mark.parametrize(
    ("annotation", "text", "value"),
    [
        (int, "0x1F", 31),
        (int, "-7", -7),
        (float, "7", 7.0),
        (float, "1e3", 1000.0),
        (float, "-.inf", float("-inf")),
        (bool, "True", True),
        (str, "10", "10"),
        (str, "1.5", "1.5"),
        (str, "2026-11-21", "2026-11-21"),
        (str, "'NO'", "NO"),
        (str, "|\n  a\n  b\n", "a\nb\n"),
        (Annotated[str, AsWritten()], "off", "off"),
        (Annotated[str, AsWritten()], "1.10", "1.10"),
        (dict[int, Annotated[str, AsWritten()]], "{1: off, 2: on}", {1: "off", 2: "on"}),
        (Watts, "7", 7),
        (list[int], "[1, 2]", [1, 2]),
        (Sequence[int], "[1, 2]", [1, 2]),
        (tuple[int, ...], "[1, 2]", (1, 2)),
        (tuple[int, str], "[1, a]", (1, "a")),
        (frozenset[str], "[a, b]", frozenset({"a", "b"})),
        (dict[int, str], "{1: a, 0x10: b}", {1: "a", 16: "b"}),
        (int | str, "7", 7),
        (int | str, "seven", "seven"),
        (int | str, "'7'", "7"),
        (int | list[int], "[7]", [7]),
        (int | None, "~", None),
        (Duration | Literal["never"], "never", "never"),
        (Duration | Literal["never"], "5m", 300.0),
        (dict[str, int] | list[str], "{a: 1}", {"a": 1}),
        (Literal["off", "on"], "off", "off"),
        (Literal[1, 2], "2", 2),
        (HostPort, "10.0.0.9:502", HostPort("10.0.0.9", 502)),
        (Renamed, "max-gap: 3", Renamed(max_gap=3)),
        (Tree, "{name: a, branches: [{name: b}]}", Tree(name="a", branches=[Tree(name="b")])),
        (Gauge | Counter, "{type: counter, total: 5}", Counter(total=5)),
        (list[Gauge | Counter], "[{type: gauge}]", [Gauge()]),
        (Gauge, "low: 1", Gauge(low=1.0)),
        (dict[str, list[int]], "{a: &x [1], b: *x}", {"a": [1], "b": [1]}),
        (dict[str, dict[str, int]], "{a: &x {p: 1, q: 2}, b: {<<: *x, q: 3}}", {"a": {"p": 1, "q": 2}, "b": {"p": 1, "q": 3}}),  # noqa: E501
        (Any, "{a: [1, 1.5, true, null, x, 12:30]}", {"a": [1, 1.5, True, None, "x", "12:30"]}),
        (list[str], "", []),
        (dict[str, int], "\ufeffa: 1", {"a": 1}),
        (dict[str, int], "a: 1\r\nb: 2\r\n", {"a": 1, "b": 2}),
    ],
)  # fmt: skip
def test_text_becomes_a_value(annotation: Any, text: str, value: object) -> None:
    loaded = loads(text, annotation).value
    assert loaded == value
    assert type(loaded) in {type(value), float, Duration}


def test_a_key_without_a_value_is_an_empty_list_mapping_or_struct() -> None:
    assert loads("devices:\nmodules:\n", Config).value == Config()
    assert loads("a:\n", dict[str, Gauge]).value == {"a": Gauge()}


def test_a_tag_that_no_member_has_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"^g.yml:1: type: 'guage' is not a type \(did you mean 'gauge'\?\)$"):
        loads("type: guage", Gauge | Counter, file="g.yml")  # type: ignore[arg-type]


def test_a_wrong_tag_on_a_single_struct_is_a_fault() -> None:
    with pytest.raises(ConfigError, match=r"^g.yml:1: type: expected 'gauge'$"):
        loads("type: counter", Gauge, file="g.yml")


def test_a_path_starts_at_the_folder_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("certs/ca.pem")
    assert load([tmp_path / "a.yml"], Path).value == tmp_path / "certs" / "ca.pem"


def test_a_type_that_no_text_fits_is_the_programmers_error() -> None:
    with pytest.raises(TypeError, match="no text can be decoded into"):
        loads("1", complex)


# several files ---------------------------------------------------------------------------------------------------


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / f"{name}.yml").write_text(text)


def test_several_files_merge_below_their_top_level_keys(tmp_path: Path) -> None:
    write(
        tmp_path,
        a="version: 1\nmodules: {x: {}}\ndevices: [p]",
        b="version: 1\nmodules: {y: {}}\ndevices: [q]",
        c="# empty",
    )
    loaded = load([tmp_path / "*.yml"], Config)
    assert loaded.value == Config(modules={"x": {}, "y": {}}, devices=["p", "q"])
    assert [Path(file).name for file in loaded.files] == ["a.yml", "b.yml", "c.yml"]


def test_a_key_that_two_files_define_is_a_fault_that_names_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, a="modules:\n  x: {}\noptions: 1", b="modules:\n  y: {}\n  x: {}\noptions: 2")
    with pytest.raises(ConfigError) as caught:
        load(["a.yml", "b.yml"], Config)
    assert str(caught.value).splitlines() == [
        "b.yml:3: modules.x: duplicate key, first defined at a.yml:2",
        "b.yml:4: options: duplicate key, first defined at a.yml:3",
    ]


def test_a_file_that_two_patterns_mean_counts_once(tmp_path: Path) -> None:
    write(tmp_path, a="devices: [p]")
    assert load([tmp_path / "a.yml", tmp_path / "*.yml"], Config).value.devices == ["p"]


def test_every_unreadable_file_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, exporters="version: 1", broken="a: [")
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop.yml").symlink_to("loop.yml")
    with pytest.raises(ConfigError) as caught:
        load(["exporter.yml", "none/x.yml", "conf.d/*.yml", "folder", "loop.yml", "broken.yml", "a\0b"], Config)
    assert str(caught.value).splitlines() == [
        "conf.d/*.yml: no file matches this pattern",
        "exporter.yml: no such file (did you mean 'exporters.yml'?)",
        "none/x.yml: no such file (nor its folder)",
        "folder: cannot be read: Is a directory",
        "loop.yml: cannot be read: Too many levels of symbolic links",
        "a\0b: cannot be read: embedded null byte",
        "broken.yml:1: not YAML: while parsing a flow node, did not find expected node content",
    ]


def test_no_file_at_all_is_a_fault_unless_everything_has_a_default() -> None:
    assert load([], Config).value == Config()
    with pytest.raises(ConfigError, match="no file was given"):
        load([], Login)


def test_a_reload_reads_the_file_again(tmp_path: Path) -> None:
    write(tmp_path, a="devices: [p]")
    first = load([tmp_path / "a.yml"], Config)
    write(tmp_path, a="devices: [q]")
    assert (first.value.devices, load(first.files, Config).value.devices) == (["p"], ["q"])


# places ----------------------------------------------------------------------------------------------------------

PLACES = """\
version: 1
modules:
  plc1:
    metrics:
      - name: a
      - name: b
  10.0.0.9:
    metrics: []
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("", 1),
        ("modules", 2),
        ("modules.plc1", 3),
        ("modules.plc1.metrics[1]", 6),
        ("modules.plc1.metrics[1].name", 6),
        ("modules.10.0.0.9.metrics", 8),
        ('modules["10.0.0.9"].metrics', 8),
        ("modules.plc1.timeout", 3),
        ("modules.plc2.metrics", 2),
        ("modules.plc1.metrics[7]", 4),
        ("devices", 1),
    ],
)
def test_a_path_leads_to_its_line(path: str, line: int) -> None:
    fault = loads(PLACES, Config, file="a.yml").fault(path, "wrong")
    assert (fault.file, fault.line) == ("a.yml", line)


def test_a_fault_of_a_later_check_stands_at_its_line() -> None:
    loaded = loads(PLACES, Config, file="a.yml")
    message = f"no such module; did you mean {nearest('plc', loaded.value.modules)}"
    assert loaded.fault("modules.plc1.metrics[1].name", message) == Fault(
        "a.yml", 6, "modules.plc1.metrics[1].name", message
    )
    assert loaded.fault("modules.10.0.0.9.timeout", "x") == Fault("a.yml", 7, 'modules["10.0.0.9"].timeout', "x")


def test_a_fault_below_an_alias_names_the_line_of_the_anchor() -> None:
    with pytest.raises(ConfigError) as caught:
        loads("a: &x {user: u}\nb: *x\n", dict[str, Login], file="a.yml")
    assert str(caught.value).splitlines() == [
        "a.yml:1: a: missing key 'password' (expected a secret ({env: NAME}, {file: path} or text))",
        "a.yml:2: b: missing key 'password' (expected a secret ({env: NAME}, {file: path} or text))",
    ]


# parts decoded later ---------------------------------------------------------------------------------------------


def test_a_part_is_decoded_once_its_type_is_known() -> None:
    loaded = loads("options: {user: ana, password: hunter2}", Config)
    assert "hunter2" not in loaded.masked()
    later = loaded.decode("options", Login)
    assert (later.value.user, later.value.password.reveal()) == ("ana", "hunter2")
    assert [warning.path for warning in later.warnings] == ["options.password"]
    assert yaml.safe_load(loaded.masked()) == {"options": {"user": "ana", "password": "<secret>"}}


def test_a_part_decoded_later_tells_its_faults_at_their_lines() -> None:
    loaded = loads("version: 1\noptions:\n  usr: ana\n", Config, file="a.yml")
    with pytest.raises(ConfigError) as caught:
        loaded.decode("options", Login)
    assert str(caught.value).splitlines() == [
        "a.yml:2: options: missing key 'password' (expected a secret ({env: NAME}, {file: path} or text))",
        "a.yml:3: options.usr: unknown key (did you mean 'user'?)",
    ]
    with pytest.raises(ConfigError, match=r"^a.yml:1: nothing: missing$"):
        loaded.decode("nothing", Login)


KINDS = {"gauge": Gauge, "login": Login}
Chosen = Annotated[Any, ByKey("kind", names=lambda: KINDS, type_of=KINDS.__getitem__, default="gauge")]


def test_a_key_picks_the_type_of_a_mapping() -> None:
    value = loads(
        "a: {kind: login, user: u, password: p}\nb: {kind: gauge, low: 1}\nc: {low: 2}\nd:\n", dict[str, Chosen]
    ).value
    assert value == {"a": Login(user="u", password=Secret("p")), "b": Gauge(low=1.0), "c": Gauge(low=2.0), "d": Gauge()}


# masking ---------------------------------------------------------------------------------------------------------


def test_masked_text_is_the_configuration_without_its_secrets() -> None:
    text = 'version: 1\nlogin: {user: "NO", password: hunter2}\ndevices: [a, "12:30"]\n'
    masked = loads(text, Config).masked()
    assert yaml.safe_load(masked) == {
        "version": 1,
        "login": {"user": "NO", "password": "<secret>"},
        "devices": ["a", "12:30"],
    }


@pytest.mark.parametrize("spelling", ["hunter2", "'hunter2'", "{env: HUNTER}", "{file: hunter}", "&x hunter2"])
def test_no_spelling_of_a_secret_leaves_by_any_way(spelling: str, tmp_path: Path) -> None:
    (tmp_path / "hunter").write_text("hunter2\n")
    (tmp_path / "a.yml").write_text(f"login:\n  user: ana\n  password: {spelling}\n")
    loaded = load([tmp_path / "a.yml"], Config, env={"HUNTER": "hunter2"})
    assert loaded.value.login is not None
    assert loaded.value.login.password.reveal() == "hunter2"
    shown = [
        loaded.masked(),
        repr(loaded),
        str(loaded),
        repr(loaded.value),
        str(loaded.warnings),
        repr(loaded.__dict__),
    ]
    assert not any("hunter2" in text for text in shown)
    for value in (loaded, loaded.value):
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(value)
    with pytest.raises(TypeError):
        msgspec.json.encode(loaded.value)


def test_a_literal_secret_warns_and_the_others_do_not() -> None:
    text = "a: {user: u, password: x}\nb: {user: u, password: {env: X}}\n"
    warnings = loads(text, dict[str, Login], file="a.yml", env={"X": "y"}).warnings
    assert [str(w) for w in warnings] == [
        "a.yml:1: a.password: the secret stands in the file as text; use {env: NAME} or {file: path}"
    ]


def test_the_digest_of_a_secret_is_no_literal_secret() -> None:
    digest = f"sha256:{'0a' * 32}"
    read = loads(f"a: {{user: u, password: '{digest}'}}\nb: {{user: u, password: '{digest}0'}}\n", dict[str, Login])
    assert read.value["a"].password.reveal() == digest
    assert [warning.path for warning in read.warnings] == ["b.password"]


# bounds ----------------------------------------------------------------------------------------------------------


def test_a_thousand_faults_are_enough() -> None:
    text = "\n".join(f"k{n}: x" for n in range(5_000))
    with pytest.raises(ConfigError) as caught:
        loads(text, dict[str, int])
    assert len(caught.value.faults) == 1_001
    assert "<string>: 1000 faults; more are not listed" in str(caught.value)


def test_unknown_keys_by_the_thousand_cost_no_minutes() -> None:
    with pytest.raises(ConfigError):
        loads("\n".join(f"version{n}: x" for n in range(50_000)), Config)


@pytest.mark.parametrize("text", ["[" * 1_000_000, "- " * 100_000, "{a: " * 100_000, "? " * 100_000, "!a " * 100_000])
def test_deep_text_ends_soon(text: str) -> None:
    with pytest.raises(ConfigError):
        loads(text, Any)


def test_a_large_file_loads_in_seconds() -> None:
    """60,000 lines, as the largest public snmp.yml: some 0.3 s where that takes 0.6 s."""
    module = "".join(f"  - {{name: metric{n}, oid: 1.3.6.1.{n}, type: gauge}}\n" for n in range(100))
    text = "".join(f"m{n}:\n{module}" for n in range(600))
    assert len(loads(text, dict[str, list[dict[str, str]]]).value) == 600
