"""The block `template` of a channel: its messages in the words of whoever runs it."""

from collections.abc import Iterable

from msgspec import Struct


class TemplateBlock(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Templates of a message's parts; what is "" stays in our own words. `html` is a mail's, and only a mail's."""

    title: str = ""
    text: str = ""
    html: str = ""

    def config_faults(self) -> Iterable[tuple[str, str]]:
        """Compile each part and render it once with an example, so that no accepted template fails for its form."""
        from alert_webhook.delivery.template_trial import fault_of  # noqa: PLC0415  # Jinja only for those who have one

        if not (self.title or self.text or self.html):
            yield "", "give a title, a text or, for mails, an html"
        for part in ("title", "text", "html"):
            source = getattr(self, part)
            if source and (fault := fault_of(source, html=part == "html")):
                yield part, fault
