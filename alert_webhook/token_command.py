"""`heronwatch webhook token`: a new token for an integration, shown once, and the digest for the configuration."""

from collections.abc import Callable

import msgspec

from alert_webhook.administration import Terminal
from alert_webhook.capability import new_intake_token
from alert_webhook.intake.tokens import digest_line
from heronwatch.commands import EXIT_OK


def show_token(integration: str, terminal: Terminal, *, random: Callable[[int], bytes], as_json: bool) -> int:
    """Print a new token, and the line to paste under the integration's `tokens`; nothing is stored.

    The prefix tells tokens apart in the configuration, and lets scanners find leaked ones.
    """
    token, prefix = new_intake_token(random)
    digest = digest_line(token)
    if as_json:
        told = {"integration": integration, "token": token, "prefix": prefix, "digest": digest}
        terminal.say(msgspec.json.encode(told).decode())
        return EXIT_OK
    terminal.say(token)
    terminal.warn(f"This is shown once: give it to the sender. Put its digest under integrations.{integration}.tokens:")
    terminal.warn(f"  - {digest}  # {prefix}")
    terminal.warn("Two tokens are valid at once: take the old one away when the sender has the new one.")
    return EXIT_OK
