"""Where secrets come from: an environment variable or a file beside the configuration."""

import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from heronwatch.secrets import Secret

LARGEST_SECRET = 64 * 1024
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


class SecretUnavailable(ValueError):  # noqa: N818  # named for what happened
    """A secret cannot be had; the message says why and holds nothing of the secret."""


class SecretSources(msgspec.Struct, frozen=True):
    """Reads the secrets that a configuration refers to."""

    env: Mapping[str, str]

    def __repr__(self) -> str:  # the environment holds secrets
        return "SecretSources()"

    def from_env(self, name: str) -> Secret:
        """Return the secret in an environment variable; raises `SecretUnavailable`."""
        if not _VARIABLE.fullmatch(name):  # not echoed: it may be the secret itself
            raise SecretUnavailable("env: takes the name of an environment variable")
        value = self.env.get(name)
        if value is None:
            raise SecretUnavailable(f"environment variable {name} is not set")
        if not value:
            raise SecretUnavailable(f"environment variable {name} is empty")
        return Secret(value)

    def from_file(self, path: str, *, folder: Path) -> Secret:
        """Return the secret in a file, without a trailing newline; raises `SecretUnavailable`."""
        try:
            text = _read(folder / path)
        except UnicodeDecodeError as error:
            raise SecretUnavailable(f"secret file '{path}' is not UTF-8 text") from error
        except OSError as error:
            raise SecretUnavailable(f"secret file '{path}' cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise SecretUnavailable("file: takes the path of a file") from error
        text = text.removesuffix("\n").removesuffix("\r")
        if not text:
            raise SecretUnavailable(f"secret file '{path}' is empty")
        return Secret(text)


def _read(path: Path) -> str:
    if path.exists() and not path.is_file():
        raise OSError(0, "not a regular file")
    with path.open("rb") as stream:
        data = stream.read(LARGEST_SECRET + 1)
    if len(data) > LARGEST_SECRET:
        raise OSError(0, f"larger than {LARGEST_SECRET} bytes")
    return data.decode()
