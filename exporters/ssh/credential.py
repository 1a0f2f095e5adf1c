"""The credential block of SSH: who logs in, with what, and which host key is expected."""

from collections.abc import Iterator
from pathlib import Path

from exporters.probing.collector import CredentialBlock
from heronwatch.secrets import Secret

TRUSTS = ("known_hosts", "host_key", "insecure_host_key")


class SshCredential(
    CredentialBlock, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag="ssh"
):
    """A user on a host, by private key or password, and how the host proves itself.

    Nothing is taken from the operator's own ``~/.ssh``, agent or configuration.
    """

    username: str
    password: Secret | None = None
    private_key: Secret | None = None
    """The text of a private key, best as {file: path}."""
    passphrase: Secret | None = None
    known_hosts: Path | None = None
    """A file as OpenSSH keeps it; read again for each connection."""
    host_key: str | None = None
    """The one expected key, as in a `.pub` file: `ssh-ed25519 AAAA…`."""
    insecure_host_key: bool = False
    """Trust whoever answers. It is logged, and counted in heronwatch_exporter_ssh_unverified_connections."""

    def config_faults(self) -> Iterator[tuple[str, str]]:
        """Yield what is missing, contradictory or unreadable."""
        if not self.username:
            yield "username", "a user name is needed"
        if self.password is None and self.private_key is None:
            yield "private_key", "give a private_key or a password"
        if self.passphrase is not None and self.private_key is None:
            yield "passphrase", "a passphrase without a private_key opens nothing"
        chosen = [key for key in TRUSTS if getattr(self, key)]
        if len(chosen) != 1:
            said = " and ".join(chosen) or "none"
            yield chosen[-1] if chosen else "known_hosts", f"give exactly one of {', '.join(TRUSTS)}; found {said}"
        yield from _key_faults(self)


def _key_faults(credential: SshCredential) -> Iterator[tuple[str, str]]:
    """Read the keys once, so that a bad one is found now; where the library is missing, nothing can use them."""
    try:
        from exporters.ssh import keys  # noqa: PLC0415  the library is loaded where there is a credential
    except ModuleNotFoundError:
        return
    yield from keys.private_key_faults(credential.private_key, credential.passphrase)
    if not credential.insecure_host_key:
        yield from keys.trusted_faults(credential.known_hosts, credential.host_key)
