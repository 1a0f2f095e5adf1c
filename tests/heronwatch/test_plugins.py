"""Plug-ins by name: lazily, with the remedy when one cannot be had."""

import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from heronwatch.errors import PluginError, PluginUnavailable, UnknownPlugin
from heronwatch.plugins import Registry

GROUP = "heronwatch.tests"


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry[Any]:
    package = tmp_path / "hw_test_plugins"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "good.py").write_text("PLUGIN = 'good'")
    (package / "lacking.py").write_text("import hw_no_such_library.part\nPLUGIN = 1")
    (package / "typo.py").write_text("import hw_test_plugins.nowhere\nPLUGIN = 1")
    (package / "renamed.py").write_text("from json import no_such_name")
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.startswith("hw_test_plugins")]:
        monkeypatch.delitem(sys.modules, name)
    places = {n: f"hw_test_plugins.{n}:PLUGIN" for n in ("good", "lacking", "typo", "renamed", "gone")}
    return Registry(GROUP, {**places, "empty": "hw_test_plugins:PLUGIN"}, {"lacking": "modbus"})


def test_names_are_known_without_an_import(registry: Registry[Any]) -> None:
    assert registry.names() == ["empty", "gone", "good", "lacking", "renamed", "typo"]
    assert not any(name.startswith("hw_test_plugins.") for name in sys.modules)


def test_a_plugin_is_imported_when_asked_for(registry: Registry[Any]) -> None:
    assert registry.get("good") == "good"


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("god", UnknownPlugin, "'god' is not in heronwatch.tests (did you mean 'good'?)"),
        (
            "lacking",
            PluginUnavailable,
            "'lacking' needs hw_no_such_library, which is not installed: pip install 'heronwatch[modbus]'",
        ),
        ("typo", PluginError, "'typo' of heronwatch.tests is broken: there is no module hw_test_plugins.nowhere"),
        ("gone", PluginError, "'gone' of heronwatch.tests is broken: there is no module hw_test_plugins.gone"),
        (
            "empty",
            PluginError,
            "'empty' of heronwatch.tests is broken: module 'hw_test_plugins' has no attribute 'PLUGIN'",
        ),
    ],
)
def test_what_cannot_be_had_says_why(registry: Registry[Any], name: str, error: type, message: str) -> None:
    with pytest.raises(PluginError) as caught:
        registry.get(name)
    assert (type(caught.value), str(caught.value)) == (error, message)


def test_a_plugin_that_imports_a_missing_name_is_broken(registry: Registry[Any]) -> None:
    with pytest.raises(PluginError, match=r"'renamed' of heronwatch\.tests is broken: cannot import name"):
        registry.get("renamed")


def test_a_later_import_of_a_plugin_is_explained_the_same_way(registry: Registry[Any]) -> None:
    with pytest.raises(PluginUnavailable, match=r"pip install 'heronwatch\[modbus\]'"), registry.importing("lacking"):
        raise ModuleNotFoundError(name="pymodbus.client")


def test_a_third_party_brings_plugins_by_entry_points(registry: Registry[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [metadata.EntryPoint("dumps", "json:dumps", GROUP), metadata.EntryPoint("good", "json:loads", GROUP)]
    monkeypatch.setattr(metadata, "entry_points", lambda group: [e for e in entries if e.group == group])
    assert "dumps" in registry.names()
    assert registry.get("dumps")([1]) == "[1]"
    assert registry.get("good") == "good"  # ours wins
