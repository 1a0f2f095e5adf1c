"""TLS contexts from a web config, and contexts that follow it while it changes."""

import os
import ssl
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from heronwatch.web_format import CIPHERS, CURVES, TlsServerConfig

CERTIFICATE_MARK = "-----BEGIN CERTIFICATE-----"
KEY_MARK = "PRIVATE KEY-----"
VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
CLIENT_AUTH = {
    "": ssl.CERT_NONE,
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}


class TlsFileError(ValueError):
    """A certificate, key or authority file cannot be used; `field` is the key of the web config."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def file_paths(tls: TlsServerConfig, folder: Path) -> dict[str, Path]:
    """The files that the section names, relative ones against the folder of the web config."""
    named = {"cert_file": tls.cert_file, "key_file": tls.key_file, "client_ca_file": tls.client_ca_file}
    return {field: folder / name for field, name in named.items() if name}


def server_context(tls: TlsServerConfig, folder: Path) -> ssl.SSLContext:
    """A context for one generation of the files; TlsFileError names the field that is wrong."""
    paths = file_paths(tls, folder)
    for field, path in paths.items():
        _check_readable(field, path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _set_protocol(context, tls)
    _load_certificate(context, tls, paths)
    context.verify_mode = CLIENT_AUTH[tls.client_auth_type]
    if "client_ca_file" in paths:
        _load_authority(context, paths["client_ca_file"])
    return context


def _set_protocol(context: ssl.SSLContext, tls: TlsServerConfig) -> None:
    suites = [CIPHERS[name] for name in tls.cipher_suites if name in CIPHERS]
    only_tls13 = bool(tls.cipher_suites) and not suites  # then no TLS 1.2 suite is left to agree on
    context.minimum_version = VERSIONS["TLS13" if only_tls13 else tls.min_version]
    context.maximum_version = VERSIONS[tls.max_version]
    if suites:
        context.set_ciphers(":".join(suites))
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    if tls.prefer_server_cipher_suites:
        context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    else:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_alpn_protocols(["http/1.1"])
    _set_curves(context, tls)


def _set_curves(context: ssl.SSLContext, tls: TlsServerConfig) -> None:
    names = [CURVES[name] for name in tls.curve_preferences]
    set_groups: Callable[[str], None] | None = getattr(context, "set_groups", None)  # Python 3.15
    if names and set_groups is not None:
        set_groups(":".join(names))
    elif names:
        context.set_ecdh_curve(names[0])


def _check_readable(field: str, path: Path) -> None:
    try:
        path.open("rb").close()
    except OSError as error:
        raise TlsFileError(field, f"{path}: {error.strerror}") from error


def _load_certificate(context: ssl.SSLContext, tls: TlsServerConfig, paths: Mapping[str, Path]) -> None:
    inline_key = tls.key.text if tls.key else ""
    _check_pem("cert_file" if tls.cert_file else "cert", tls.cert or paths["cert_file"], CERTIFICATE_MARK)
    _check_pem("key_file" if tls.key_file else "key", inline_key or paths["key_file"], KEY_MARK)
    with _as_file(tls.cert, paths.get("cert_file")) as cert, _as_file(inline_key, paths.get("key_file")) as key:
        try:
            context.load_cert_chain(cert, key, password=_no_password)
        except (ssl.SSLError, ValueError) as error:
            about_key = "KEY" in str(error).upper()
            field = ("key_file" if tls.key_file else "key") if about_key else "cert_file" if tls.cert_file else "cert"
            raise TlsFileError(field, f"the certificate and key cannot be used: {_reason(error)}") from error


def _check_pem(field: str, source: str | Path, mark: str) -> None:
    text = source.read_text(errors="replace") if isinstance(source, Path) else source
    if mark not in text:
        name = str(source) if isinstance(source, Path) else "the text"
        raise TlsFileError(field, f"{name} holds no {mark.strip('-').removeprefix('BEGIN ').lower()} in PEM form")


def _no_password() -> bytes:
    raise ValueError("the key is encrypted; give it unencrypted, readable by this service only")


def _load_authority(context: ssl.SSLContext, path: Path) -> None:
    try:
        context.load_verify_locations(cafile=path)
    except ssl.SSLError as error:
        raise TlsFileError("client_ca_file", f"{path} holds no usable certificate: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", None)
    return str(reason).replace("_", " ").lower() if reason else str(error)


@contextmanager
def _as_file(text: str, path: Path | None) -> Iterator[Path]:
    """A path for OpenSSL: the file itself, or inline text in memory (on Linux) or in a private temporary file."""
    if path is not None:
        yield path
    elif hasattr(os, "memfd_create"):
        with os.fdopen(os.memfd_create("pem"), "wb") as memory:
            memory.write(text.encode())
            memory.flush()
            yield Path(f"/proc/self/fd/{memory.fileno()}")
    else:
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as private:
            private.write(text)
            private.flush()
            yield Path(private.name)


class FollowingContext(ssl.SSLContext):
    """A context that makes every new connection with the context in force at that moment.

    asyncio and uvloop keep the context they were started with and call only `wrap_bio` of it.
    """

    _source: Callable[[], ssl.SSLContext]

    @classmethod
    def following(cls, source: Callable[[], ssl.SSLContext]) -> "FollowingContext":
        """`source` is asked once for each connection."""
        context = cls(ssl.PROTOCOL_TLS_SERVER)
        context._source = source  # its own class
        return context

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:  # handed on as they come
        """Hand on to the context in force."""
        return self._source().wrap_bio(*args, **kwargs)


def names_of(certificate: Mapping[str, Any] | None) -> frozenset[str]:
    """The subject alternative names (DNS, IP, e-mail, URI) of a certificate as `getpeercert()` gives it."""
    entries = (certificate or {}).get("subjectAltName", ())
    return frozenset(value for _, value in entries)
