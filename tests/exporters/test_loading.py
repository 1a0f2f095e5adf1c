"""Configuration files to a checked setup: references, defaults, and every fault with its place."""

from pathlib import Path

import pytest

from exporters.config import LibraryBlock
from exporters.loading import Setup, Sources, changed, load_setup
from heronwatch.errors import ConfigError
from heronwatch.values import Network
from tests.fakes.toy import original_plugin, toy_plugin

PLUGINS = [toy_plugin(), original_plugin()]
GOOD = """
version: 1
credentials:
  ops: {protocol: original, networks: [10.0.0.0/8], password: {env: TOY_PASSWORD}}
modules:
  slow: {protocol: toy, value: 2.5, delay_s: 1}
devices:
  - {name: meter-7, address: "10.0.0.9:502", unit: 7, module: slow, labels: {site: A}, interval: 30s, timeout: 5s}
  - {name: sw1, address: sw1.example, modules: [if_mib, system], credential: ops}
  - {name: sw2, address: 192.0.2.1, protocol: original, context: blue}
"""


def setup_of(text: str, tmp_path: Path, *, previous: Setup | None = None) -> Setup:
    path = tmp_path / "exporters.yml"
    path.write_text(text)
    return load_setup(Sources(config_files=(str(path),)), PLUGINS, previous)


def faults_of(text: str, tmp_path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        setup_of(text, tmp_path)
    return [str(fault).removeprefix(f"{tmp_path}/") for fault in caught.value.faults]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOY_PASSWORD", "hunter2")


def test_device_takes_protocol_and_port_from_its_module(tmp_path: Path) -> None:
    meter, switch, _ = setup_of(GOOD, tmp_path).inventory.devices
    assert (meter.protocol, meter.port, meter.params, meter.modules) == ("toy", 502, {"unit": "7"}, ("slow",))
    assert (switch.protocol, switch.port, switch.credential) == ("original", 161, "ops")


def test_device_without_module_gets_the_defaults_of_its_protocol(tmp_path: Path) -> None:
    device = setup_of(GOOD, tmp_path).inventory.named("sw2")[0]
    assert (device.modules, device.credential, device.params) == (("if_mib",), "public_v2", {"context": "blue"})


def test_module_of_the_file_wins_over_the_builtin_one(tmp_path: Path) -> None:
    setup = setup_of("version: 1\nmodules: {plain: {protocol: toy, value: 9}}\n", tmp_path)
    assert setup.modules["toy"]["plain"].plan.value == 9
    assert setup.modules["toy"]["other"].plan.value == 1


def test_masked_text_shows_no_secret(tmp_path: Path) -> None:
    setup = setup_of(GOOD.replace("{env: TOY_PASSWORD}", "hunter2"), tmp_path)
    assert "hunter2" not in setup.masked
    assert "<secret>" in setup.masked
    assert [fault.path for fault in setup.warnings] == ["credentials.ops.password"]


def test_no_file_at_all_is_an_empty_configuration() -> None:
    setup = load_setup(Sources(), PLUGINS)
    assert setup.inventory.devices == ()
    assert sorted(setup.modules["original"]) == ["if_mib", "system"]


def test_command_line_adds_to_the_file(tmp_path: Path) -> None:
    path = tmp_path / "exporters.yml"
    path.write_text("version: 1\noriginal: {allowed_targets: [192.0.2.0/24], config_files: [own.yml]}\n")
    line = LibraryBlock(allowed_targets=(Network.parse("198.51.100.0/24"),), strict=True)
    library = load_setup(Sources(config_files=(str(path),), libraries={"original": line}), PLUGINS).libraries[
        "original"
    ]
    assert [str(network) for network in library.allowed_targets] == ["192.0.2.0/24", "198.51.100.0/24"]
    assert (library.strict, library.config_files) == (True, (tmp_path / "own.yml",))


def test_equal_credential_is_the_same_object_after_a_reload(tmp_path: Path) -> None:
    first = setup_of(GOOD, tmp_path)
    second = setup_of(GOOD + "  - {name: new, address: 10.0.0.8, module: plain}\n", tmp_path, previous=first)
    assert second.credentials["original"]["ops"] is first.credentials["original"]["ops"]
    third = setup_of(GOOD.replace("10.0.0.0/8", "10.1.0.0/16"), tmp_path, previous=second)
    assert third.credentials["original"]["ops"] is not first.credentials["original"]["ops"]


def test_changed_and_removed_devices_are_told(tmp_path: Path) -> None:
    old = setup_of(GOOD, tmp_path).inventory
    new = setup_of(GOOD.replace("unit: 7", "unit: 8").replace("sw2", "sw3"), tmp_path).inventory
    assert [device.name for device in changed(old, new)] == ["meter-7", "sw2"]


BAD = {
    "devices: [{name: a, address: 10.0.0.1, module: plian}]": (
        "exporters.yml:2: devices[0].module: 'plian' is not a module (did you mean 'plain'?)"
    ),
    "devices: [{name: a, address: 10.0.0.1}]": (
        "exporters.yml:2: devices[0]: missing key 'protocol' (one of 'toy', 'original')"
    ),
    "devices: [{name: a, address: 10.0.0.1, protocol: toys, module: plain}]": (
        "exporters.yml:2: devices[0].protocol: 'toys' is not a protocol (did you mean 'toy'?)"
    ),
    "devices: [{name: a, address: 10.0.0.1, modules: [plain, if_mib]}]": (
        "exporters.yml:2: devices[0].modules[1]: 'if_mib' is a module of original, not of 'toy'"
    ),
    "devices: [{name: a, address: 10.0.0.1, module: if_mib, credential: publik_v2}]": (
        "exporters.yml:2: devices[0].credential: "
        "'publik_v2' is not a credential of original (did you mean 'public_v2'?)"
    ),
    "devices: [{name: a, address: 10.0.0.1, module: if_mib, unit: 7}]": (
        "exporters.yml:2: devices[0].unit: a key of toy, but this device speaks original"
    ),
    "devices: [{name: a, address: 10.0.0.1, module: plain, unit: 700}]": (
        "exporters.yml:2: devices[0].unit: '700' is not valid here (unit, 0 to 99)"
    ),
    "devices: [{name: a, address: 10.0.0.1, module: plain, labels: {job: x}}]": (
        "exporters.yml:2: devices[0].labels.job: the label 'job' is set by Heronwatch"
    ),
    "devices: [{name: a b, address: 10.0.0.1, module: plain}]": (
        "exporters.yml:2: devices[0].name: "
        "'a b' is no device name (no spaces, commas, quotes, slashes, braces and ?&#%)"
    ),
    "devices: [{name: a, address: 10.0.0.1, module: plain, interval: 5s, timeout: 10s}]": (
        "exporters.yml:2: devices[0].timeout: 10s is longer than the interval 5s; Prometheus refuses that"
    ),
    "modules: {m: {protocol: toyy}}": (
        "exporters.yml:2: modules.m.protocol: 'toyy' is not a protocol (did you mean 'toy'?)"
    ),
    "modules: {m: {protocol: toy, valeu: 1}}": (
        "exporters.yml:2: modules.m.valeu: unknown key (did you mean 'value'?)"
    ),
    "modules: {'m,n': {protocol: toy}}": (
        "exporters.yml:2: modules[\"m,n\"]: 'm,n' is no module name (letters, digits, '_', '-' and '.')"
    ),
    "pacing: {timeouts: 0}": "exporters.yml:2: pacing.timeouts: must be at least 1",
}


@pytest.mark.parametrize("text", BAD)
def test_fault_names_place_and_remedy(text: str, tmp_path: Path) -> None:
    assert faults_of(f"version: 1\n{text}\n", tmp_path) == [BAD[text]]


def test_device_outside_the_networks_of_its_credential_is_a_fault(tmp_path: Path) -> None:
    text = GOOD.replace("sw1.example", "172.16.0.1")
    assert faults_of(text, tmp_path) == [
        "exporters.yml:9: devices[1].credential: 'ops' is bound to 10.0.0.0/8, and 172.16.0.1 is outside"
    ]


def test_one_name_twice_for_one_protocol_is_a_fault_and_for_two_is_none(tmp_path: Path) -> None:
    first = "version: 1\ndevices:\n- {name: a, address: 10.0.0.1, module: plain}\n"
    twice = first + "- {name: a, address: 10.0.0.2, module: %s}\n"
    assert faults_of(twice % "plain", tmp_path) == [
        "exporters.yml:4: devices[1].name: 'a' is already the toy device devices[0]"
    ]
    assert len(setup_of(twice % "if_mib", tmp_path).inventory.named("a")) == 2


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    text = (
        "version: 1\ndevices:\n- {name: a, address: 10.0.0.1, module: x}\n- {name: b, address: 10.0.0.1, module: y}\n"
    )
    assert len(faults_of(text, tmp_path)) == 2
