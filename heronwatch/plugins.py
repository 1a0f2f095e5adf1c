"""Plug-ins by name: ours in one literal, third parties' by entry points; imported when first asked for."""

import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from typing import Generic, TypeVar, cast

from heronwatch.errors import PluginError, PluginUnavailable, UnknownPlugin
from heronwatch.faults import quoted
from heronwatch.words import hint

P = TypeVar("P")


class Registry(Generic[P]):
    """The plug-ins of one seam: `builtin` maps names to "module:ATTRIBUTE", `extras` to the extra that each needs.

    Ours win over a third party's of the same name. What a plug-in is, the seam's own contract suite checks.

    >>> codecs = Registry("heronwatch.doctest", {"json": "json:loads"})
    >>> codecs.names()
    ['json']
    >>> codecs.get("json")("[1]")
    [1]
    >>> codecs.get("jsno")
    Traceback (most recent call last):
    heronwatch.errors.UnknownPlugin: 'jsno' is not in heronwatch.doctest (did you mean 'json'?)
    """

    def __init__(self, group: str, builtin: Mapping[str, str], extras: Mapping[str, str] | None = None) -> None:
        self.group = group
        self._places = dict(builtin)
        self._extras = dict(extras or {})
        self._loaded: dict[str, P] = {}
        self._found: dict[str, str] | None = None

    def names(self) -> list[str]:
        """Return the names of all plug-ins, sorted; nothing is imported."""
        return sorted({*self._places, *self._third_party()})

    def get(self, name: str) -> P:
        """Return a plug-in; raises `UnknownPlugin`, `PluginUnavailable` or, when it is broken, `PluginError`."""
        if name not in self._loaded:
            self._loaded[name] = self._load(name)
        return self._loaded[name]

    def _third_party(self) -> dict[str, str]:
        if self._found is None:
            self._found = {e.name: f"{e.module}:{e.attr}" for e in metadata.entry_points(group=self.group)}
        return self._found

    def _load(self, name: str) -> P:
        place = self._places.get(name) or self._third_party().get(name)
        if place is None:
            raise UnknownPlugin(f"{quoted(name)} is not in {self.group}{hint(name, self.names())}")
        module_name, _, attribute = place.partition(":")
        with self.importing(name):
            module = importlib.import_module(module_name)
        try:
            return cast("P", getattr(module, attribute))
        except AttributeError as error:
            raise PluginError(f"{quoted(name)} of {self.group} is broken: {error}") from error

    @contextmanager
    def importing(self, name: str) -> Iterator[None]:
        """Turn failed imports of a plug-in into `PluginUnavailable` or `PluginError`, also of those it does later."""
        try:
            yield
        except ModuleNotFoundError as error:
            raise self._missing(name, error.name or "") from error
        except ImportError as error:
            raise PluginError(f"{quoted(name)} of {self.group} is broken: {error}") from error

    def _missing(self, name: str, module: str) -> PluginError:
        place = self._places.get(name) or self._third_party().get(name, "")
        top = module.partition(".")[0]
        if top == place.partition(":")[0].partition(".")[0]:  # its own module: nothing that could be installed
            return PluginError(f"{quoted(name)} of {self.group} is broken: there is no module {module}")
        extra = self._extras.get(name)
        remedy = f"pip install 'heronwatch[{extra}]'" if extra else f"pip install {top}"
        return PluginUnavailable(f"{quoted(name)} needs {top}, which is not installed: {remedy}")
