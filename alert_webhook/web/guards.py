"""Who may change something through a form: decisions about requests, without any request object. Pure."""

import hashlib
import hmac
import re
from collections.abc import Collection
from urllib.parse import urlsplit

from msgspec import Struct

CAPABILITY = re.compile(r"[A-Za-z0-9_-]{22}", re.ASCII)  # what `capability.new_token` makes: 128 bits
MASKED_PATH = re.compile(r"(/a/|/calendars/)[^/?#\s]+")
OWN_SITES = frozenset({"same-origin", "none"})  # "none": the person's own doing, such as sending a form again


class Verdict(Struct, frozen=True):
    """May the request change something? If not: why."""

    allowed: bool
    reason: str = ""


def same_site(fetch_site: str | None, origin: str | None, hosts: Collection[str]) -> Verdict:
    """Decide whether a form was sent from a page of our own; `hosts` are the names (host:port) we are reached by.

    `fetch_site` and `origin` are the headers Sec-Fetch-Site and Origin. What sends neither is no browser, and what no
    browser sends was not forged in one. A page with `Referrer-Policy: no-referrer` posts `Origin: null` to itself
    (Fetch, "append a request Origin header"): then the field of the form has to do.
    """
    if fetch_site is not None:
        if fetch_site in OWN_SITES:
            return Verdict(allowed=True)
        return Verdict(allowed=False, reason="the form was sent from another site")
    if origin is None or origin == "null" or _host_of(origin) in hosts:
        return Verdict(allowed=True)
    return Verdict(allowed=False, reason="the form was sent from another site")


def form_key(secret: str, purpose: str) -> str:
    """Return the hidden field of a form: only who holds `secret` (a capability, a session) can make it."""
    return hmac.new(secret.encode(errors="surrogatepass"), purpose.encode(), hashlib.sha256).hexdigest()[:32]


def form_key_fits(given: str, secret: str, purpose: str) -> bool:
    """Return whether the hidden field is the one of this form."""
    return hmac.compare_digest(given.encode(errors="surrogatepass"), form_key(secret, purpose).encode())


def looks_like_capability(token: str) -> bool:
    """Return whether a text could be a capability at all; what could not is never looked up."""
    return CAPABILITY.fullmatch(token) is not None


def masked(path: str) -> str:
    """Return a path as it may be logged.

    >>> masked("/a/AbCdEfGhIjKlMnOpQrStUv")
    '/a/…'
    """
    return MASKED_PATH.sub(r"\1…", path)


def browser_uses_tls(*, secure: bool, host: str, origin: str | None, public_url: str) -> bool:
    """Return whether the person's browser talks HTTPS to us, be it to a proxy in front of us."""
    outside = urlsplit(public_url)
    named_outside = outside.scheme == "https" and outside.netloc.lower() == host.lower()
    return secure or named_outside or (origin or "").startswith("https://")


def own_hosts(host: str, public_url: str) -> frozenset[str]:
    """Return the names (host:port) we are reached by: the one this request used, and the one links lead to."""
    return frozenset(name for name in (host.lower(), _host_of(public_url)) if name)


def _host_of(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""
