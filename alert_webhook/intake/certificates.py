"""Client certificates of senders: shown to us, or to a proxy of ours that says whose it was. Pure."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from alert_webhook.intake.blocks import ClientCertificateBlock
from heronwatch.web_tls import names_of

Headers = Callable[[str], str | None]
Subject = tuple[str, ...]  # "CN=am", "O=Example": the most special first, as RFC 4514 writes them

SHORT_NAMES = {  # RFC 4514 section 3; ssl gives the long names
    "commonName": "CN",
    "localityName": "L",
    "stateOrProvinceName": "ST",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "countryName": "C",
    "streetAddress": "STREET",
    "domainComponent": "DC",
    "userId": "UID",
}
_PARTS = re.compile(r"(?:[^,\\]|\\.)+", re.DOTALL)
_ESCAPED = re.compile(r"(?:\\[0-9A-Fa-f]{2})+|\\.", re.DOTALL)


def fault(
    block: ClientCertificateBlock, headers: Headers, *, remote: str, certificate: Mapping[str, Any] | None
) -> str:
    """Return why a request does not show one of the certificates, "" when it does.

    `certificate` is what TLS verified on this connection, as `getpeercert()` gives it. Where a header is configured, a
    request from a listed proxy (`remote`, its address) is judged by that header alone; from anybody else the header
    means nothing.
    """
    if block.header and any(remote in network for network in block.proxies):
        told = (headers(block.header) or "").strip()
        known = bool(told) and (told in block.names or subject_of(told) in _subjects(block))
        return "" if known else f"the proxy's header {block.header} names none of this integration's certificates"
    if not certificate:
        return "this integration wants a client certificate"
    if names_of(certificate) & set(block.names) or _own_subject(certificate) in _subjects(block):
        return ""
    return "the client certificate is none of this integration's"


def subject_of(text: str) -> Subject:
    r"""Return a distinguished name in parts, however it is spaced and escaped (RFC 4514).

    >>> subject_of(r"cn=am\, two, O=Caf\C3\A9")
    ('CN=am, two', 'O=Café')
    """
    return tuple(_part(part) for part in _PARTS.findall(text))


def _part(text: str) -> str:
    name, equals, value = text.partition("=")
    return f"{name.strip().upper()}{equals}{_ESCAPED.sub(_unescaped, value.strip())}"


def _unescaped(found: re.Match[str]) -> str:
    if len(found[0]) == 2:
        return found[0][1]
    return bytes.fromhex(found[0].replace("\\", "")).decode(errors="replace")


def _subjects(block: ClientCertificateBlock) -> set[Subject]:
    return {subject_of(text) for text in block.subjects}


def _own_subject(certificate: Mapping[str, Any]) -> Subject:
    """Return the subject of a certificate; ssl gives it with the most general part first."""
    parts = certificate.get("subject", ())
    return tuple("+".join(f"{SHORT_NAMES.get(k, k).upper()}={v}" for k, v in part) for part in reversed(parts))
