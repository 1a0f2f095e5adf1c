"""The pages every service has, as pure values."""

import base64
import hashlib
from collections.abc import Sequence
from html import escape

import msgspec

from heronwatch.http_message import HTML, Response, text_response

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#1c2733}"
    "h1{font-size:1.5rem;margin:0 0 .25rem}h2{font-size:1.05rem;margin:1.75rem 0 .5rem}"
    "p.about{margin:0;color:#566}ul{margin:0;padding:0;list-style:none}li{padding:.15rem 0}"
    "a{color:#0b5cad}label{display:block;margin:.5rem 0 .1rem}"
    "input{font:inherit;padding:.3rem .5rem;border:1px solid #9aa7b4;border-radius:4px;width:22rem;max-width:100%;"
    "box-sizing:border-box}"
    "button{font:inherit;margin-top:.75rem;padding:.3rem 1rem;border:0;border-radius:4px;background:#0b5cad;color:#fff}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
PAGE_HEADERS = (
    (
        "Content-Security-Policy",
        (
            f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; frame-ancestors 'none'; "
            "base-uri 'none'"
        ),
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
)


class Link(msgspec.Struct, frozen=True):
    """An entry of the landing page; the path is relative, so that a proxy's prefix does no harm."""

    path: str
    text: str


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One input of a form."""

    name: str
    label: str = ""
    value: str = ""
    placeholder: str = ""


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """A GET form of the landing page."""

    action: str
    title: str
    fields: tuple[Field, ...]
    button: str = "Submit"


COMMON_LINKS = (
    Link("metrics", "Metrics of this service"),
    Link("-/healthy", "Healthy"),
    Link("-/ready", "Ready"),
    Link("config", "Configuration (secrets masked)"),
)


def landing(
    title: str, version: str, *, about: str = "", links: Sequence[Link] = (), forms: Sequence[Form] = ()
) -> Response:
    """The page at `/`: what this is, where to go, and forms to try it."""
    parts = [
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style>\n</head>\n<body>",
        f'<h1>{escape(title)}</h1>\n<p class="about">{escape(about)} Version {escape(version)}.</p>',
        *(_form(form) for form in forms),
        "<h2>Pages</h2>\n<ul>",
        *(f'<li><a href="{escape(_relative(link.path))}">{escape(link.text)}</a></li>' for link in links),
        "</ul>\n</body>\n</html>\n",
    ]
    return Response(body="\n".join(parts).encode(), content_type=HTML, headers=PAGE_HEADERS)


def _relative(path: str) -> str:
    return path.lstrip("/") or "./"


def _form(form: Form) -> str:
    inputs = "\n".join(
        f'<label for="{escape(form.action)}-{escape(f.name)}">{escape(f.label or f.name)}</label>\n'
        f'<input id="{escape(form.action)}-{escape(f.name)}" name="{escape(f.name)}" value="{escape(f.value)}" '
        f'placeholder="{escape(f.placeholder)}">'
        for f in form.fields
    )
    return (
        f'<h2>{escape(form.title)}</h2>\n<form method="get" action="{escape(_relative(form.action))}">\n{inputs}\n'
        f"<div><button>{escape(form.button)}</button></div>\n</form>"
    )


def healthy() -> Response:
    """The process runs and answers."""
    return text_response("Healthy.")


def ready(reasons: Sequence[str]) -> Response:
    """200 when there is no reason against it, else 503 with the reasons, one a line."""
    if not reasons:
        return text_response("Ready.")
    return text_response("Not ready:\n" + "\n".join(f"- {reason}" for reason in reasons), status=503)


def config(text: str) -> Response:
    """The running configuration, secrets masked by the caller."""
    return Response(body=text.encode(), headers=(("X-Content-Type-Options", "nosniff"),))


def reloaded() -> Response:
    """The new configuration is in force."""
    return text_response("Reloaded.")


def reload_failed(faults: str) -> Response:
    """The new configuration was refused; the old one keeps running."""
    return text_response(f"Not reloaded; the old configuration keeps running.\n{faults}", status=500)


def forbidden(reason: str) -> Response:
    """403 with the guard's reason."""
    return text_response(f"Forbidden: {reason}", status=403)


def unauthorized() -> Response:
    """401, asking for basic authentication as the exporter-toolkit does."""
    return Response(status=401, body=b"Unauthorized\n", headers=(("WWW-Authenticate", 'Basic realm="heronwatch"'),))


def not_found(path: str) -> Response:
    """404 for a path that nothing answers."""
    return text_response(f"Not found: {_shown(path)}", status=404)


def method_not_allowed(allowed: Sequence[str]) -> Response:
    """405 with the methods that would do."""
    names = ", ".join(sorted(allowed))
    return Response(status=405, body=f"Method not allowed, use {names}\n".encode(), headers=(("Allow", names),))


def too_many_requests(reason: str) -> Response:
    """429: the web config's rate limit, or too many password checks waiting."""
    return Response(status=429, body=f"Too many requests: {reason}\n".encode(), headers=(("Retry-After", "1"),))


def error(status: int, message: str) -> Response:
    """Any other failure, as one line of text."""
    return text_response(message, status=status)


def _shown(path: str, *, most: int = 100) -> str:
    printable = "".join(char if char.isprintable() else "?" for char in path)
    return printable if len(printable) <= most else printable[:most] + "…"
