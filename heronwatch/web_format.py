"""The exporter-toolkit's web configuration format, as values.

https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md describes the format; what
Python's ssl cannot express is a fault here, never a weaker setting.
"""

import ssl
from collections.abc import Iterable
from typing import Literal

import msgspec

from heronwatch.values import Duration
from heronwatch.web_auth import BcryptHash

TlsVersion = Literal["TLS10", "TLS11", "TLS12", "TLS13"]
ClientAuth = Literal[
    "",
    "NoClientCert",
    "RequestClientCert",
    "RequireClientCert",
    "RequireAnyClientCert",
    "VerifyClientCertIfGiven",
    "RequireAndVerifyClientCert",
]
UNVERIFIED = frozenset({"RequestClientCert", "RequireClientCert", "RequireAnyClientCert"})
VERIFIED = frozenset({"VerifyClientCertIfGiven", "RequireAndVerifyClientCert"})
OBSOLETE = frozenset({"TLS10", "TLS11"})

# Go's names (crypto/tls, CipherSuites()) and OpenSSL's (ciphers(1)) for the TLS 1.2 suites
CIPHERS: dict[str, str] = {
    "TLS_RSA_WITH_AES_128_CBC_SHA": "AES128-SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA": "AES256-SHA",
    "TLS_RSA_WITH_AES_128_GCM_SHA256": "AES128-GCM-SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384": "AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
}
TLS13_CIPHERS = frozenset({"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"})
CURVES: dict[str, str] = {
    "CurveP256": "prime256v1",
    "CurveP384": "secp384r1",
    "CurveP521": "secp521r1",
    "X25519": "X25519",
}
# the headers that exporter-toolkit lets a user set, with the values that it takes; () takes any
HEADERS: dict[str, tuple[str, ...]] = {
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
    "Content-Security-Policy": (),
}
Faults = Iterable[tuple[str, str]]


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class TlsServerConfig(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`tls_server_config`: certificate, client certificates, versions and suites."""

    cert_file: str = ""
    key_file: str = ""
    cert: str = ""
    key: "InlineKey | None" = None
    client_auth_type: ClientAuth = ""
    client_ca_file: str = ""
    client_allowed_sans: tuple[str, ...] = ()
    min_version: TlsVersion = "TLS12"
    max_version: TlsVersion = "TLS13"
    cipher_suites: tuple[str, ...] = ()
    prefer_server_cipher_suites: bool = True
    curve_preferences: tuple[str, ...] = ()

    @property
    def verifies_clients(self) -> bool:
        """Whether a client certificate, where one is shown, is verified."""
        return self.client_auth_type in VERIFIED

    @property
    def requires_clients(self) -> bool:
        """Whether every client has to show a certificate that verifies."""
        return self.client_auth_type == "RequireAndVerifyClientCert"

    def config_faults(self) -> Faults:
        """What does not fit together."""
        yield from _certificate_faults(self)
        yield from _client_faults(self)
        yield from _protocol_faults(self)


class InlineKey:
    """A PEM private key written into the file; never printed."""

    __slots__ = ("text",)
    __schema__ = {"type": "string", "description": "private key, PEM"}  # noqa: RUF012  # read by heronwatch.schema

    def __init__(self, text: str) -> None:
        self.text = text

    @classmethod
    def parse(cls, text: str) -> "InlineKey":
        """Take PEM text; ValueError for anything else, without repeating it."""
        if "-----BEGIN" not in text:
            raise ValueError("expected a private key in PEM form (-----BEGIN …); for a path use key_file")
        return cls(text)

    def __repr__(self) -> str:
        return "InlineKey('***')"

    def __str__(self) -> str:
        return "***"


class HttpServerConfig(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`http_server_config`: `http2` is taken and changes nothing (these servers speak HTTP/1.1)."""

    http2: bool = True
    headers: dict[str, str] = {}

    def config_faults(self) -> Faults:
        """Headers that may not be set, or not to that value."""
        for name, value in self.headers.items():
            path = f"headers.{name}"
            if name not in HEADERS:
                yield path, f"this header cannot be set here; use one of {', '.join(HEADERS)}"
            elif HEADERS[name] and value and value not in HEADERS[name]:
                yield path, f"{value!r} is not one of {', '.join(HEADERS[name])}"
            elif any(not char.isprintable() for char in value):
                yield path, "the value contains a control character"


class RateLimit(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`rate_limit`: `burst` requests at once, then one every `interval`; no limit when the interval is 0."""

    interval: Duration = Duration(0)
    burst: int = 0

    def config_faults(self) -> Faults:
        """A limit that would let nothing through."""
        if self.burst < 0 or (self.interval > 0 and self.burst == 0):
            yield "burst", "must be at least 1, or every request would be refused"


class WebConfig(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    tls_server_config: TlsServerConfig | None = None
    http_server_config: HttpServerConfig = HttpServerConfig()
    basic_auth_users: dict[str, BcryptHash] = {}
    rate_limit: RateLimit = RateLimit()

    @property
    def tls(self) -> TlsServerConfig | None:
        """The TLS section if it turns TLS on (an empty one does not)."""
        section = self.tls_server_config
        return section if section and (section.cert_file or section.cert) else None

    @property
    def authenticates(self) -> bool:
        """Whether every request has to show a password or a verified client certificate."""
        return bool(self.basic_auth_users) or bool(self.tls and self.tls.requires_clients)

    def config_faults(self) -> Faults:
        """User names that HTTP cannot carry."""
        for name in self.basic_auth_users:
            if ":" in name or not name:
                yield f'basic_auth_users["{name}"]', "a user name must not be empty or contain ':' (RFC 7617)"


def _certificate_faults(tls: TlsServerConfig) -> Faults:
    if tls.cert and tls.cert_file:
        yield "cert", "give cert or cert_file, not both"
    if tls.key and tls.key_file:
        yield "key", "give key or key_file, not both"
    has_cert, has_key = bool(tls.cert or tls.cert_file), bool(tls.key or tls.key_file)
    wanted = has_key or bool(tls.client_auth_type or tls.client_ca_file or tls.client_allowed_sans)
    if wanted and not has_cert:
        yield "cert_file", "missing: TLS needs a certificate"
    if has_cert and not has_key:
        yield "key_file", "missing: the certificate needs its private key"


def _client_faults(tls: TlsServerConfig) -> Faults:
    if tls.client_auth_type in UNVERIFIED:
        yield (
            "client_auth_type",
            (
                f"{tls.client_auth_type} asks for a certificate without verifying it, which Python's ssl cannot do; "
                "use VerifyClientCertIfGiven or RequireAndVerifyClientCert with a client_ca_file"
            ),
        )
    elif tls.verifies_clients and not tls.client_ca_file:
        yield "client_ca_file", f"missing: {tls.client_auth_type} needs the authority to verify against"
    elif tls.client_ca_file and not tls.verifies_clients:
        yield (
            "client_auth_type",
            "missing: a client_ca_file needs RequireAndVerifyClientCert or VerifyClientCertIfGiven",
        )
    if tls.client_allowed_sans and not tls.verifies_clients:
        yield "client_allowed_sans", "needs a client_auth_type that verifies client certificates"


def _protocol_faults(tls: TlsServerConfig) -> Faults:
    for field in ("min_version", "max_version"):
        if getattr(tls, field) in OBSOLETE:
            yield field, f"{getattr(tls, field)} is obsolete (RFC 8996) and not served; use TLS12 or TLS13"
    if tls.cipher_suites and tls.max_version != "TLS13" and not set(tls.cipher_suites) & CIPHERS.keys():
        yield "cipher_suites", f"lists suites of TLS 1.3 only, which max_version {tls.max_version} leaves out"
    if tls.min_version > tls.max_version:
        yield "min_version", f"{tls.min_version} is newer than max_version {tls.max_version}"
    for index, name in enumerate(tls.cipher_suites):
        if name not in CIPHERS and name not in TLS13_CIPHERS:
            yield f"cipher_suites[{index}]", f"{name!r} is not a known cipher suite; use {', '.join(CIPHERS)}"
    for index, name in enumerate(tls.curve_preferences):
        if name not in CURVES:
            yield f"curve_preferences[{index}]", f"{name!r} is not a known curve; use {', '.join(CURVES)}"
    if len(tls.curve_preferences) > 1 and not hasattr(ssl.SSLContext, "set_groups"):
        yield (
            "curve_preferences",
            "Python's ssl takes one curve or, with none listed, its default set; list one or leave this out",
        )
