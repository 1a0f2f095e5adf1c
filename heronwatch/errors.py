"""The errors of the ground; each service grows its own tree from `HeronwatchError`.

HeronwatchError
├── ConfigError          a configuration cannot be used: show its faults, keep the old one
└── PluginError          a plug-in cannot be had
    ├── UnknownPlugin        no plug-in has that name: correct the name
    └── PluginUnavailable    a library is missing: install the extra that the message names
"""

from collections.abc import Iterable

from heronwatch.faults import Fault


class HeronwatchError(Exception):
    """The root of every error that Heronwatch raises on purpose."""


class ConfigError(HeronwatchError):
    """A configuration cannot be used; `faults` holds everything wrong with it, in the order of the text.

    >>> print(ConfigError([Fault("a.yml", 3, "version", "missing")]))
    a.yml:3: version: missing
    """

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = tuple(faults)
        super().__init__(self.faults)

    def __str__(self) -> str:
        return "\n".join(str(fault) for fault in self.faults)


class PluginError(HeronwatchError):
    """A plug-in cannot be had."""


class UnknownPlugin(PluginError):  # noqa: N818  # named for what happened
    """No plug-in has the name that was asked for."""


class PluginUnavailable(PluginError):  # noqa: N818  # named for what happened
    """A plug-in is known, but a library that it needs is not installed."""
