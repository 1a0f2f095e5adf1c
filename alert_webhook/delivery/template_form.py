"""What a template wrote, made fit for a message: clean lines, and in HTML only links to the web. Pure."""

from html.parser import HTMLParser

from alert_webhook.delivery.plain import clean, web_link
from alert_webhook.delivery.template_budget import Failure, Why

LINKS = frozenset({"href", "src", "action", "formaction", "background", "poster", "srcset", "data", "xlink:href"})
ACTIVE = frozenset({"script", "iframe", "object", "embed", "base", "meta", "form"})


def formed(text: str, *, html: bool) -> str | Failure:
    """Return the text with clean lines and no empty ones around it, or HTML as it is where nothing is wrong in it."""
    if html:
        return _checked(text)
    lines = [clean(line) for line in text.splitlines()]
    kept = [line for number, line in enumerate(lines) if line or (number and lines[number - 1])]
    plain = "\n".join(kept).strip("\n")
    return plain or Failure(Why.EMPTY, "it writes nothing")


def _checked(html: str) -> str | Failure:
    seen = _Seen()
    seen.feed(html)
    seen.close()
    if not seen.wrong:
        return html
    return Failure(Why.LINK, f"{seen.wrong}: links lead to http and https only, and nothing runs in a mail")


class _Seen(HTMLParser):
    """Remembers the first thing that may not be in a mail."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ACTIVE:
            self.wrong = self.wrong or f"<{tag}>"
        for name, value in attrs:
            foreign = name in LINKS and value and not web_link(value.strip())
            if foreign or name.startswith("on"):
                self.wrong = self.wrong or f"{name} of <{tag}>"
