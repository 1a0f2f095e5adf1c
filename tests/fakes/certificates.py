"""A certificate authority for one test, and the files and contexts that a web config and its clients need."""

import ssl
from pathlib import Path

import trustme


class Authority:
    """Issues server and client certificates into a folder."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self.folder = folder
        self._ca = trustme.CA()
        self.file = folder / f"{name}.pem"
        self._ca.cert_pem.write_to_path(self.file)

    def issue(self, name: str, *names: str) -> tuple[Path, Path]:
        """Write `name.crt` and `name.key` for the given alternative names; returns both paths."""
        leaf = self._ca.issue_cert(*(names or ("localhost", "127.0.0.1")))
        certificate, key = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        leaf.cert_chain_pems[0].write_to_path(certificate)
        leaf.private_key_pem.write_to_path(key)
        return certificate, key

    def client(self, pair: tuple[Path, Path] | None = None) -> ssl.SSLContext:
        """A client's context that trusts this authority, with a certificate of its own if given."""
        context = ssl.create_default_context(cafile=self.file)
        if pair is not None:
            context.load_cert_chain(*pair)
        return context
