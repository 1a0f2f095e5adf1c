"""Reads the keys of a credential, with the library that uses them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh

from exporters.ssh.errors import HostKeyError
from heronwatch.secrets import Secret


def private_key(text: Secret | None, passphrase: Secret | None) -> asyncssh.SSHKey | None:
    """Return a private key; raises asyncssh.KeyImportError, KeyEncryptionError."""
    if text is None:
        return None
    return asyncssh.import_private_key(text.reveal(), passphrase.reveal() if passphrase else None)


def trusted(known_hosts: Path | None, host_key: str | None) -> Any:
    """Return the host keys to trust, as asyncssh takes them; raises asyncssh.KeyImportError, HostKeyError."""
    if host_key is not None:
        return [asyncssh.import_public_key(host_key)], [], []
    try:
        return asyncssh.read_known_hosts(str(known_hosts))
    except (OSError, ValueError) as error:
        raise HostKeyError(f"the known_hosts file cannot be read: {error}") from error


def private_key_faults(text: Secret | None, passphrase: Secret | None) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a private key, as (key, message)."""
    try:
        private_key(text, passphrase)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        yield "private_key", f"the private key cannot be read: {error}"


def trusted_faults(known_hosts: Path | None, host_key: str | None) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the host keys to trust, as (key, message)."""
    if known_hosts is None and host_key is None:
        return
    try:
        trusted(known_hosts, host_key)
    except asyncssh.KeyImportError as error:
        yield "host_key", f"not a public key such as 'ssh-ed25519 AAAA…': {error}"
    except HostKeyError as error:
        yield "known_hosts", str(error)
