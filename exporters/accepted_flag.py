"""Flags that are accepted and do nothing, so that another exporter's command line can be kept as it is."""

import argparse
from collections.abc import Sequence
from typing import Any

NOTES = "accepted_notes"
"""Where the parsed arguments keep what to tell about such flags."""


class Accepted(argparse.Action):
    """Takes a flag, and notes why it changes nothing. With `nargs=0` it takes no value.

    No note where the value equals `unless`, which asks for what is done anyway.
    """

    def __init__(self, *, note: str, unless: object = None, **settings: Any) -> None:
        super().__init__(**settings)
        self._note = note
        self._unless = unless

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002  # argparse gives it
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,  # noqa: ARG002  # as above
    ) -> None:
        """Note the flag."""
        if self._unless is None or values != self._unless:
            notes = {**getattr(namespace, NOTES, {}), self.option_strings[0]: self._note}
            setattr(namespace, NOTES, notes)


def notes_of(arguments: argparse.Namespace) -> dict[str, str]:
    """Return what to tell: by flag, why it changes nothing."""
    found: dict[str, str] = getattr(arguments, NOTES, {})
    return found
